internal import Glibc

// The mathematics library's, under names of their own.
func cosine(_ angle: Double) -> Double { cos(angle) }
func sine(_ angle: Double) -> Double { sin(angle) }
func exponential(_ value: Float) -> Float { expf(value) }
