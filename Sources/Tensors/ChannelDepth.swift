internal import Glibc

/// What a learned bit depth means: which codes a channel has.
///
/// The codes of depth b are rint(−2^(b−1)) … rint(2^(b−1) − 1), ties to even. They
/// grow where b passes the logarithm of an odd number, and only there:
///
///     b        0    0+     1.585   2.322   2.807   3.170   …   7.994
///     codes    0    −1…0   −2…1    −3…2    −4…3    −5…4        −128…127
///     levels   1    2      4       6       8       10          256
///
/// All is computed in f64 by sums and products alone, so that every machine
/// finds the same codes and scales.
public enum ChannelDepth {
  /// Deeper channels are held to this: 65,536 levels.
  public static let largest: Float = 16

  /// The codes of a channel of bit depth `depth`; 0…0 for 0, less, and NaN.
  public static func codes(of depth: Float) -> ClosedRange<Int> {
    guard depth > 0 else { return 0...0 }
    let half = powerOfTwo(Double(min(depth, largest)) - 1)
    return Int((-half).rounded(.toNearestOrEven))...Int((half - 1).rounded(.toNearestOrEven))
  }

  /// ⌈log2⌉ of the number of codes: 0 for one.
  public static func width(of codes: ClosedRange<Int>) -> Int {
    Int.bitWidth - (codes.upperBound - codes.lowerBound).leadingZeroBitCount
  }

  /// The least depth that has `count` levels or more; 1 for two levels, which
  /// every depth above 0 has.
  public static func least(forLevels count: Int) -> Float {
    guard count > 1 else { return 0 }
    guard count > 2 else { return 1 }
    let wanted = min(count + count % 2, 1 << 16)
    func reaches(_ depth: Float) -> Bool { codes(of: depth).count >= wanted }
    var depth = min(Float(log2(Double(wanted - 1))), largest)
    while !reaches(depth) { depth = depth.nextUp }
    while reaches(depth.nextDown) { depth = depth.nextDown }
    return depth
  }

  /// The scale of a channel of exponent `exponent`.
  public static func scale(ofExponent exponent: Float) -> Float {
    Float(powerOfTwo(Double(min(max(exponent, -100), 100))))
  }

  /// 2^x for |x| ≤ 1000, to 2 units in the last place of an f64.
  package static func powerOfTwo(_ x: Double) -> Double {
    let whole = x.rounded(.toNearestOrEven)
    let rest = (x - whole) * 0.693147180559945309417
    // Taylor's series about 0, where |rest| ≤ ln 2 / 2: the 15th power over 15!
    // is below 2^−62.
    var sum = 1.0
    for power in stride(from: 14.0, to: 0, by: -1) { sum = 1 + rest * sum / power }
    return Double(sign: .plus, exponent: Int(whole), significand: sum)
  }
}
