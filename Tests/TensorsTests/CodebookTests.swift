import Tensors
import TestSupport
import Testing

/// Formats that store the numbers of vectors in a codebook, against gguf-py 0.19.0; Q8_K,
/// which that does not read, against its formula.
@Suite struct CodebookTests {
  static let references: [(BlockFormat, Int, String)] = [
    (.iq1S, 1, "d235769b1144b0d09e4254ea64f760cb94bb3facd3da7f7f558e3261bf1c1b08"),
    (.iq1M, 55, "3ebb9aa1dab8b7dd458a12a8d1b1ff6bf525bd6b45dc2041b3cf83ece006e514"),
    (.iq2XXS, 1, "f6fcc0854ca1f0741a0cc17e796da7ace3d8002f9551efa881fb8c34582e22e8"),
    (.iq2XS, 1, "9f77f757462d6cef0ccd07e643d6996aedabb6afd13595163862938db79960de"),
    (.iq2S, 1, "dae041371e5cc81135534e6f3310fdd725f94f9b7de97a1ff9aba51d76760acf"),
    (.iq3XXS, 1, "1f7e3d77d95871ad5c9b7a3105cd70d867881ab09da7f00c057c58609cf4eaf2"),
    (.iq3S, 1, "44e0b24c77b5712b2bcb94b2b015a3025cedd5d6b59fd939227c0417faeb06f2"),
    (.q8K, 3, "34cda3be055e5dcecb5e958e4ee7fbc6277d14a6d701c602aeb4643f2ceb15a9"),
  ]

  /// Blocks of noise in which all scales are finite: the digest of their weights as f32.
  /// There are enough that every vector of a book is among them.
  @Test(arguments: references)
  func noiseIsReadAsByTheReference(
    format: BlockFormat, exponentByte: Int, digest: String
  ) throws {
    var random = SplitMix64(seed: 11)
    var bytes = (0..<1024 * format.byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    for block in 0..<1024 { bytes[block * format.byteCount + exponentByte] &= 0xBF }
    let read = unsafe bytes.withUnsafeBytes {
      unsafe Tensor([1024, 256], dequantizing: $0, from: format)
    }
    let values = try #require(read)
    let stored = unsafe values.withUnsafeValues { unsafe Array(UnsafeRawBufferPointer($0)) }
    #expect(SHA256.digest(stored) == digest)
    #expect(!format.isWritable)
  }
}
