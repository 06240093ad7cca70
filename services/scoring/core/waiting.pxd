cpdef double erlang_a_wait_s(double erlangs, double agents, double handle_s, double patience_rate) noexcept
cpdef double agents_needed(double erlangs, double agents, double handle_s, double patience_rate, double target_s) noexcept
