/// Ways to store weights in blocks that share a scale: ggml's formats
/// (github.com/ggml-org/ggml, `ggml-common.h`). Raw values are ggml's names.
///
/// `d` and `m` (of K formats: `dmin`) are f16, numbers are little-endian, and
/// every product and sum is rounded to f32 by itself, in the order it is written:
///
///     Q8_0    32   d  q 32×i8                        w = q d
///     Q4_0    32   d  q 16×u8                        w = (q − 8) d
///     Q4_1    32   d m  q 16×u8                      w = q d + m
///     Q5_0    32   d  h 4×u8  q 16×u8                w = (q − 16) d
///     Q5_1    32   d m  h 4×u8  q 16×u8              w = q d + m
///     Q1_0    128  d  q 16×u8                        w = ±d
///     Q2_0    64   d  q 16×u8                        w = (q − 1) d
///     Q2_K    256  s 16×u8  q 64×u8  d dmin          w = q (d s) − dmin m
///     Q3_K    256  h 32×u8  q 64×u8  s 12×u8  d      w = (q − 4) (d s)
///     Q4_K    256  d dmin  s 12×u8  q 128×u8         w = q (d s) − dmin m
///     Q5_K    256  d dmin  s 12×u8  h 32  q 128×u8   w = q (d s) − dmin m
///     Q6_K    256  q 128×u8  h 64×u8  s 16×i8  d     w = (q − 32) (d s)
///     IQ4_NL  32   d  q 16×u8                        w = level(q) d
///     IQ4_XS  256  d  s 2+4×u8  q 128×u8             w = level(q) (d s)
///     TQ1_0   256  q 48×u8  h 4×u8  d                w = (q − 1) d
///     TQ2_0   256  q 64×u8  d                        w = (q − 1) d
///     MXFP4   32   e E8M0  q 16×u8                   w = 2 E2M1(q) 2^(e − 128)
///     NVFP4   64   s 4×E4M3  q 32×u8                 w = 2 E2M1(q) (s / 2)
///     IQ1_S   256  d  q 32×u8  h s 8×u16             w = (8 vector(q) ± 1) (d (2s + 1) / 8)
///     IQ1_M   256  q 32×u8  h 16×u8  s d 4×u16       w = (8 vector(q) ± 1) (d (2s + 1) / 8)
///     IQ2_XXS 256  d  (q 4×u8  ± s u32) × 8          w = ± vector(q) (d (s + ½) / 4)
///     IQ2_XS  256  d  q ± 32×u16  s 8×u8             w = ± vector(q) (d (s + ½) / 4)
///     IQ2_S   256  d  q 32×u8  ± 32×u8  h 8  s 8×u8  w = ± vector(q) (d (s + ½) / 4)
///     IQ3_XXS 256  d  q 64×u8  ± s 8×u32             w = ± vector(q) (d (s + ½) / 2)
///     IQ3_S   256  d  q 64×u8  h 8  ± 32×u8  s 4×u8  w = ± vector(q) (d (2s + 1))
///     Q8_K    256  d f32  q 256×i8  sums 16×i16      w = q d
///
/// A vector is of 8 weights, of IQ3 of 4: `q` is its number in the format's codebook, and
/// ± is a sign bit of each weight, or of IQ1 one for 8 or 32 weights.
///
/// `h` holds bits of the codes `q` that find no room beside the others, `s` the
/// scales (and the `m` of Q2_K, Q4_K and Q5_K) of sub-blocks of 16 or 32 weights.
public enum BlockFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case q8_0 = "Q8_0"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q1_0 = "Q1_0"
  case q2_0 = "Q2_0"
  case q2K = "Q2_K"
  case q3K = "Q3_K"
  case q4K = "Q4_K"
  case q5K = "Q5_K"
  case q6K = "Q6_K"
  case iq4NL = "IQ4_NL"
  case iq4XS = "IQ4_XS"
  case tq1_0 = "TQ1_0"
  case tq2_0 = "TQ2_0"
  case mxfp4 = "MXFP4"
  case nvfp4 = "NVFP4"
  case iq1S = "IQ1_S"
  case iq1M = "IQ1_M"
  case iq2XXS = "IQ2_XXS"
  case iq2XS = "IQ2_XS"
  case iq2S = "IQ2_S"
  case iq3XXS = "IQ3_XXS"
  case iq3S = "IQ3_S"
  case q8K = "Q8_K"

  /// Weights of a block. A row is a whole number of blocks.
  public var weightCount: Int {
    switch self {
    case .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .iq4NL, .mxfp4: 32
    case .q2_0, .nvfp4: 64
    case .q1_0: 128
    case .q2K, .q3K, .q4K, .q5K, .q6K, .q8K, .iq1S, .iq1M, .iq2XXS, .iq2XS, .iq2S, .iq3XXS,
      .iq3S, .iq4XS, .tq1_0, .tq2_0:
      256
    }
  }

  /// Bytes of a block.
  public var byteCount: Int {
    switch self {
    case .mxfp4: 17
    case .q4_0, .q1_0, .q2_0, .iq4NL: 18
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .nvfp4: 36
    case .iq1S: 50
    case .tq1_0: 54
    case .iq1M: 56
    case .tq2_0, .iq2XXS: 66
    case .iq2XS: 74
    case .iq2S: 82
    case .q2K: 84
    case .iq3XXS: 98
    case .q3K, .iq3S: 110
    case .iq4XS: 136
    case .q4K: 144
    case .q5K: 176
    case .q6K: 210
    case .q8K: 292
    }
  }

  /// Scales and all.
  public var bitsPerWeight: Double { Double(8 * byteCount) / Double(weightCount) }

  /// Bytes that weights of a shape take; nil where its rows are no whole number
  /// of blocks.
  public func byteCount(of shape: Shape) -> Int? {
    let columns = shape.dimensions.last ?? 1
    return columns % weightCount == 0 ? shape.count / weightCount * byteCount : nil
  }
}
