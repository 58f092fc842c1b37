internal import Tensors

/// The tensors of an open checkpoint that are stored in blocks: of a GGUF file, or kept
/// as such in a packed one.
struct BlockIndex {
  struct Entry {
    let format: BlockFormat
    /// In the orientation of the file.
    let shape: Shape
    let byteRange: Range<Int>
  }

  private let checkpoint: Checkpoint?
  private let entries: [String: Entry]

  init(_ checkpoint: Checkpoint?) {
    self.checkpoint = checkpoint
    var entries: [String: Entry] = [:]
    var packed: [String: Range<Int>] = [:]
    for tensor in checkpoint?.stored ?? [] {
      if let format = tensor.blocks {
        entries[tensor.name] = Entry(
          format: format, shape: tensor.shape, byteRange: tensor.byteRange)
      } else if let (name, suffix) = PackingRecord.split(tensor.name),
        suffix == BlocksEncoding.suffix
      {
        packed[name] = tensor.byteRange
      }
    }
    if !packed.isEmpty, let text = checkpoint?.metadata[PackingRecord.metadataKey],
      let records = try? PackingRecord.all(in: text)
    {
      for (name, range) in packed {
        guard let record = records[name], let format = record.blocks else { continue }
        entries[name] = Entry(
          format: format, shape: record.isTransposed ? record.shape.reversed : record.shape,
          byteRange: range)
      }
    }
    self.entries = entries
  }

  /// The blocks that a tensor of that name is stored in.
  subscript(name: String) -> Entry? { entries[name] }

  /// The same of a parameter, where no pass has touched it.
  func entry(of parameter: Parameter) -> Entry? {
    guard checkpoint?.parameters[parameter.name]?.isIdentical(to: parameter) == true else {
      return nil
    }
    return entries[parameter.name]
  }

  /// The bytes of a parameter that no pass has touched, where they are of a format and
  /// in logical orientation.
  func bytes(of parameter: Parameter, _ format: BlockFormat) -> Bytes? {
    guard let entry = entry(of: parameter), entry.format == format, !parameter.isTransposed
    else { return nil }
    return checkpoint?.bytes[entry.byteRange]
  }
}
