cpdef double wait_when_queue_is_empty_s(double rho, double agents, double handle_s) noexcept
cpdef double queue_length_wait_s(double waiting, double agents, double handle_s, double patience_rate) noexcept
