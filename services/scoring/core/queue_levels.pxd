cpdef double clipped(double level) noexcept
cpdef double felt(double longest_s, double target_s) noexcept
cpdef double foreseen(double level, double part) noexcept
cpdef double fourth(double hours) noexcept
cpdef double twelfth(double hours) noexcept
