cpdef double erlang_c(double erlangs, double agents) noexcept
cpdef double erlang_c_wait_s(double erlangs, double agents, double handle_s) noexcept
cpdef double erlang_c_service_level(double erlangs, double agents, double handle_s, double within_s) noexcept
cpdef double erlang_a_wait_s(double erlangs, double agents, double handle_s, double patience_rate) noexcept
cpdef double erlang_a_abandonment(double erlangs, double agents, double handle_s, double patience_rate) noexcept
cpdef double agents_needed(double erlangs, double agents, double handle_s, double patience_rate, double target_s) noexcept
cpdef double queue_length_wait_s(double waiting, double agents, double handle_s, double patience_rate) noexcept
