import CKernels

/// Rows of codes that follow each other in a stream of bits, each with a scale and a shift:
/// weight = scale · (code + shift).
package struct CodeRows: Sendable {
  package struct Row {
    /// In the stream, where the first code begins.
    package let bit: Int
    package let bits: Int
    /// 0 of a row that has no codes.
    package let scale: Float
    package let shift: Float

    package init(bit: Int, bits: Int, scale: Float, shift: Float) {
      (self.bit, self.bits, self.scale, self.shift) = (bit, bits, scale, shift)
    }
  }

  private var rows: [pare_code_row]
  /// A bit for each column that has codes; nil where all have.
  private let kept: [UInt64]?
  private let columns: Int

  /// Whether this machine multiplies codes as they are.
  package static let areMultiplied = pare_takes_bits_apart() != 0
  /// Bits of codes that are.
  package static let mostBits = Int(PARE_ROW_CODE_BITS)

  /// `count` rows without codes. `live` are the columns that have codes, nil for all.
  package init(_ count: Int, columns: Int, live: [Int]?) {
    rows = Array(repeating: pare_code_row(), count: count)
    self.columns = columns
    kept = live.map { live in
      var words = [UInt64](repeating: 0, count: (columns + 63) / 64)
      for column in live { words[column / 64] |= 1 << UInt64(column % 64) }
      return words
    }
  }

  package var keptByteCount: Int {
    rows.count * MemoryLayout<pare_code_row>.stride + (kept?.count ?? 0) * 8
  }

  /// Whether this machine multiplies these as they are.
  package var areMultiplied: Bool {
    Self.areMultiplied && rows.allSatisfy { $0.bits <= PARE_ROW_CODE_BITS }
      && (kept == nil || columns <= PARE_CODE_COLUMNS)
  }

  package subscript(row: Int) -> Row {
    get {
      let row = rows[row]
      return Row(bit: row.bit, bits: Int(row.bits), scale: row.scale, shift: row.shift)
    }
    set {
      rows[row] = pare_code_row(
        bit: newValue.bit, bits: Int32(newValue.bits), scale: newValue.scale,
        shift: newValue.shift)
    }
  }

  /// Writes products of rows and an input. Precondition: they are multiplied as they are.
  package func multiply(
    _ range: Range<Int>, _ codes: UnsafeRawBufferPointer, by input: RowInput,
    into output: UnsafeMutablePointer<Float>
  ) {
    precondition(input.count == columns)
    unsafe rows.withUnsafeBufferPointer { rows in
      guard let rows = rows.baseAddress else { return }
      unsafe withUnsafePointer(to: input.codes) {
        unsafe pare_multiply_code_rows(
          pare_bits(codes), rows + range.lowerBound, range.count, kept, $0, output)
      }
    }
  }
}

/// A row of codes whose groups have scales and shifts of their own.
package struct CodeGroups: Sendable {
  /// Columns of a group.
  package let columns: Int
  package let bits: Int
  private let numbers: CodeNumbers

  /// nil where rows of such codes are not multiplied as they are.
  package init?(columns: Int, bits: Int, _ numbers: CodeNumbers = .codes) {
    guard CodeRows.areMultiplied, columns > 0, columns % 4 == 0, bits <= CodeRows.mostBits else {
      return nil
    }
    (self.columns, self.bits, self.numbers) = (columns, bits, numbers)
  }

  /// The product of an input and a row whose codes begin with code `first`: those of all columns,
  /// or of the bits that are set from bit `firstBit` of a bitmap on.
  package func multiply(
    _ codes: UnsafeRawBufferPointer, from first: Int, scales: UnsafePointer<Float>,
    shifts: UnsafePointer<Float>, bitmap: UnsafeRawBufferPointer?, from firstBit: Int,
    by input: RowInput
  ) -> Float {
    func product(_ flip: UInt8, _ table: UnsafePointer<UInt8>?) -> Float {
      var row = pare_code_row(bit: first * bits, bits: Int32(bits), scale: 0, shift: 0)
      let numbers = unsafe pare_code_numbers(flip: flip, table: table)
      var values = unsafe input.codes
      guard let bitmap = unsafe bitmap else {
        return unsafe pare_multiply_code_groups(
          pare_bits(codes), &row, numbers, columns, scales, shifts, nil, 0, &values)
      }
      var bits = unsafe pare_bits(bitmap)
      return unsafe pare_multiply_code_groups(
        pare_bits(codes), &row, numbers, columns, scales, shifts, &bits, firstBit, &values)
    }
    switch numbers {
    case .codes: return product(0, nil)
    case .signed: return product(0x80, nil)
    case .table(let table):
      return unsafe table.withUnsafeBufferPointer { unsafe product(0, $0.baseAddress) }
    }
  }
}

/// The number that stands for a code in weight = scale · (number + shift).
package enum CodeNumbers: Sendable, Hashable {
  /// The code itself.
  case codes
  /// A code of 8 bits, whose first bit is a sign, and 128.
  case signed
  /// Of 64 numbers, for codes of up to 6 bits.
  case table([UInt8])

  /// Precondition: the code has as many bits as codes here may have.
  func number(of code: UInt8) -> UInt8 {
    switch self {
    case .codes: code
    case .signed: code ^ 0x80
    case .table(let table): table[Int(code)]
    }
  }
}

extension pare_bits {
  init(_ bytes: UnsafeRawBufferPointer) {
    unsafe self.init(
      bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count)
  }
}
