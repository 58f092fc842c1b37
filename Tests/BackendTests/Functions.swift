#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// The mathematics library's, under names of their own.
func exponential(_ value: Double) -> Double { exp(value) }
func hyperbolicTangent(_ value: Double) -> Double { tanh(value) }
