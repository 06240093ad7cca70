cpdef double clipped(double level) noexcept
cpdef double felt(double longest_s, double target_s) noexcept
cpdef double foreseen(double level, double part) noexcept
cpdef double fourth(double hours) noexcept
cpdef double twelfth(double hours) noexcept
cpdef double faded(double felt_s2, double target_s) noexcept
cpdef double lately(double recent_s, double faded_level, double longest_s, double target_s) noexcept
cpdef double beyond(double expected_s, double longest_s) noexcept
cpdef double lacking(double needed, double agents, double full) noexcept
