internal import Tensors

/// Where the codes of a matrix of `[out, in]` weights lie. Words are 32 bits,
/// little-endian, their lowest bits first.
///
///     rows          code of input i in bits i × k … of the row's words
///     columns       the same of each output, its words one row of the array apart
///     interleaved   a row an input, 8 outputs a word in the order 0 2 4 6 1 3 5 7
///     minifloats    as rows, a row a whole number of bytes; codes are floating point
struct StoredCodes: Sendable {
  enum Layout: Sendable {
    /// One number a code, row by row.
    case numbers
    /// Packed along the inputs; `[out, words]`.
    case rows(bits: Int, words: Int)
    /// Packed along the inputs; `[words, out]`.
    case columns(bits: Int, outputs: Int)
    /// Packed along the outputs, four bits each; `[in, out / 8]`.
    case interleaved(words: Int)
    /// A sign, two bits of exponent and the rest of mantissa: E2M1 of 4 bits, E2M3 of 6
    /// (OCP Microscaling Formats Specification 1.0). They have neither infinity nor NaN.
    case minifloats(bits: Int)
  }

  let array: StoredArray
  let layout: Layout
  /// What a stored code of 0 stands for.
  let lowest: Int

  /// Bits of a code and what codes there are; nil for floating point.
  var levels: (bits: Int, range: ClosedRange<Int>)? {
    switch layout {
    case .numbers: array.dtype == .i8 ? (8, -128...127) : nil
    case .rows(let bits, _), .columns(let bits, _):
      (bits, lowest...lowest + (1 << bits) - 1)
    case .interleaved: (4, lowest...lowest + 15)
    case .minifloats: nil
    }
  }

  /// Reads the codes of a row as numbers.
  struct Rows: Sendable {
    let bytes: Bytes
    private let dtype: DType
    private let layout: Layout
    private let columns: Int
    private let lowest: Float
    /// Bytes from one row to the next, where an output's codes are a row.
    private let stride: Int
    /// What each minifloat stands for.
    private let values: [Float]
    let keptByteCount: Int

    init(_ codes: StoredCodes, columns: Int) {
      dtype = codes.array.dtype
      layout = codes.layout
      lowest = Float(codes.lowest)
      self.columns = columns
      let isCopy: Bool
      switch layout {
      case .numbers, .rows, .minifloats: (bytes, stride, isCopy) = codes.array.rows
      case .columns, .interleaved:
        (bytes, stride) = (codes.array.rowMajor, 0)
        isCopy = !codes.array.isRowMajor
      }
      keptByteCount = isCopy ? bytes.count : 0
      if case .minifloats(let bits) = layout {
        values = (0..<UInt16(1) << UInt16(bits)).map { Self.minifloat($0, bits) }
      } else {
        values = []
      }
    }

    /// Fills `row` of as many values as there are columns.
    func read(_ index: Int, into row: UnsafeMutableBufferPointer<Float>) {
      switch layout {
      case .numbers: unsafe readNumbers(index, into: row)
      case .rows(let bits, _): unsafe unpack(bits, from: index * stride, step: 4, into: row)
      case .columns(let bits, let outputs):
        unsafe unpack(bits, from: 4 * index, step: 4 * outputs, into: row)
      case .interleaved(let words):
        unsafe readInterleaved(index, words: words, into: row)
      case .minifloats(let bits): unsafe readMinifloats(index, bits, into: row)
      }
    }

    private func readNumbers(_ index: Int, into row: UnsafeMutableBufferPointer<Float>) {
      guard let target = row.baseAddress else { return }
      let (start, size) = (index * stride, columns * dtype.byteCount)
      unsafe bytes[start..<start + size].withUnsafeBytes { source in
        unsafe dtype.widenRow(source, into: target, count: columns)
      }
    }

    /// A stream of codes in words from a byte on, `step` bytes apart.
    private func unpack(
      _ bits: Int, from first: Int, step: Int, into row: UnsafeMutableBufferPointer<Float>
    ) {
      let mask = UInt64(1) << UInt64(bits) - 1
      var window: UInt64 = 0
      var available = 0
      var place = first
      for column in 0..<columns {
        if available < bits {
          window |= UInt64(bytes.load(UInt32.self, at: place)) << UInt64(available)
          place += step
          available += 32
        }
        unsafe row.initializeElement(at: column, to: Float(window & mask) + lowest)
        window >>= UInt64(bits)
        available -= bits
      }
    }

    /// Where in a word the code of output 0, 1, … 7 begins.
    private static let shifts: [UInt32] = [0, 16, 4, 20, 8, 24, 12, 28]

    private func readInterleaved(
      _ index: Int, words: Int, into row: UnsafeMutableBufferPointer<Float>
    ) {
      let shift = Self.shift(ofOutput: index)
      for column in 0..<columns {
        let word = bytes.load(UInt32.self, at: 4 * (column * words + index / 8))
        unsafe row.initializeElement(at: column, to: Float(word >> shift & 15) + lowest)
      }
    }

    private func readMinifloats(
      _ index: Int, _ bits: Int, into row: UnsafeMutableBufferPointer<Float>
    ) {
      let start = index * stride
      let last = start + columns * bits / 8 - 1
      let mask = UInt16(1) << UInt16(bits) - 1
      for column in 0..<columns {
        let bit = column * bits
        let byte = start + bit / 8
        let window = UInt16(bytes[byte]) | UInt16(bytes[min(byte + 1, last)]) << 8
        unsafe row.initializeElement(
          at: column, to: values[Int(window >> UInt16(bit % 8) & mask)])
      }
    }

    /// The exponent 0 is that of 1 without its leading bit; the others are one more than the
    /// power.
    private static func minifloat(_ code: UInt16, _ bits: Int) -> Float {
      let width = UInt16(bits - 3)
      let fraction = Float(code & (1 << width - 1)) / Float(1 << width)
      let exponent = code >> width & 3
      let magnitude = exponent == 0 ? fraction : (1 + fraction) * Float(1 << (exponent - 1))
      return code >> UInt16(bits - 1) == 0 ? magnitude : -magnitude
    }

    static func shift(ofOutput index: Int) -> UInt32 { shifts[index % 8] }
  }
}
