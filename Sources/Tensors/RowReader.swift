/// Reads rows of a matrix as f32 where they lie, in a file or in memory, and no others.
package protocol RowReader: Sendable {
  /// Bytes of memory that it keeps; those of a mapped file are not among them.
  var keptByteCount: Int { get }

  /// Whether all its numbers are bf16, so that rounding leaves nothing.
  var isShort: Bool { get }

  /// Writes rows one after the other, in the parameter's orientation: as many values as they
  /// have columns. Any number of threads may call it at once. Precondition: there are such rows.
  func read(_ rows: Range<Int>, into values: UnsafeMutablePointer<Float>)

  /// Where rows lie one after the other as f32, for as long as the reader lives; nil where they
  /// must be read.
  func address(of rows: Range<Int>) -> UnsafePointer<Float>?

  /// Whether there is a quicker way to multiply rows by one input than to read them.
  var multiplies: Bool { get }

  /// Writes the product of each row and an input. Precondition: `multiplies`.
  func multiply(
    _ rows: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>)

  /// Writes rows as panels, where there is a quicker way than to read them as f32; false where
  /// there is none.
  func pack(_ rows: Range<Int>, into panels: RowPanels) -> Bool

  /// The bytes that it reads.
  var origin: any FileBytes { get }
}

/// Bytes of files that can change while they are mapped.
package protocol FileBytes: Sendable {
  /// The files that they are of.
  var files: FileKey { get }
  /// Throws when one of the files is no longer the one that was opened: what was read since may
  /// be 0.
  func check() throws
}

/// Some of the files of a mapping: for bytes of the same ones a check is the same.
package struct FileKey: Hashable, Sendable {
  let mapping: ObjectIdentifier
  let numbers: Range<Int>

  package init(_ mapping: AnyObject, _ numbers: Range<Int>) {
    (self.mapping, self.numbers) = (ObjectIdentifier(mapping), numbers)
  }
}

extension RowReader {
  package var isShort: Bool { false }
  package func address(of rows: Range<Int>) -> UnsafePointer<Float>? { nil }

  package var multiplies: Bool { false }

  package func multiply(
    _ rows: Range<Int>, by input: RowInput, into output: UnsafeMutablePointer<Float>
  ) { preconditionFailure("rows are to be read") }

  package func pack(_ rows: Range<Int>, into panels: RowPanels) -> Bool { false }
}

/// The rows of a parameter as its file has them.
package struct StoredRows: Sendable {
  /// Bytes of the file that they take.
  package let byteCount: Int
  /// Makes ready to read them. nil where the file's layout gives the whole alone. Throws what
  /// reading the parameter throws.
  package let open: @Sendable () throws -> (any RowReader)?

  package init(byteCount: Int, open: @escaping @Sendable () throws -> (any RowReader)?) {
    self.byteCount = byteCount
    self.open = open
  }
}
