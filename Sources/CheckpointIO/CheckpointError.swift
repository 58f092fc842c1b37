/// Why a checkpoint could not be opened, read or written. Every case carries
/// the place: a tensor's name, a byte offset, or a path.
public enum CheckpointError: Error, Hashable, Sendable {
  case cannotOpen(path: String, reason: String)
  case directory(path: String)
  /// A file that is no longer what was opened.
  case changed(path: String)
  case notARegularFile(path: String)
  case empty
  /// Neither a checkpoint nor anything we can name; `start` shows the bytes.
  case unrecognized(start: String)
  /// A known kind of file that is read by no format of ours.
  case unsupportedFormat(name: String)
  case truncated(what: String, offset: Int, needed: Int, available: Int)
  case headerTooLong(length: UInt64, limit: Int)
  case invalidJSON(offset: Int, reason: String)
  case duplicateTensor(name: String)
  case missingField(tensor: String, field: String)
  case negativeDimension(tensor: String)
  case shapeTooLarge(tensor: String)
  case tooManyDimensions(tensor: String, limit: Int)
  case invalidRange(tensor: String, begin: Int, end: Int)
  case sizeMismatch(tensor: String, expected: Int, found: Int)
  case outsideFile(tensor: String, end: Int, available: Int)
  case overlap(tensor: String, other: String)
  case gap(tensor: String, begin: Int, expected: Int)
  case unreadableType(tensor: String, dtype: String)
  case invalidPacking(tensor: String, reason: String)
  case invalidQuantization(tensor: String, reason: String)
  case invalidParts(tensor: String, reason: String)
  case noWeights(reason: String)
  case wholeModule(name: String)
  /// A tensor, and `others`, that are codes of a layout which is not read.
  case unreadCodes(tensor: String, others: Int, layout: String)
  case invalidZip(offset: Int, reason: String)
  case invalidDeflate(name: String, offset: Int, reason: String)
  case compressedEntry(name: String)
  case missingEntry(name: String)
  case invalidPickle(offset: Int, reason: String)
  case invalidGGUF(offset: Int, reason: String)
  case invalidNumPy(array: String, offset: Int, reason: String)
  case invalidPart(name: String, reason: String)
  /// An importance file; without a path while it is read.
  case invalidImportance(path: String? = nil, reason: String)
  case misaligned(tensor: String, offset: UInt64, alignment: Int)
  case rowNotInBlocks(tensor: String, columns: Int, format: String, block: Int)
  case forbiddenConstructor(name: String, offset: Int)
  case storageTooShort(tensor: String, needed: Int, available: Int)
  case negativeStride(tensor: String)
  case limitExceeded(what: String, limit: Int)
  case invalidConversion(reason: String)
  case sameFile(path: String)
  /// A file to be written that is one to be read.
  case isInput(path: String)
  case cannotRead(path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  case exists(path: String)
  case stopped
}

extension CheckpointError: CustomStringConvertible {
  /// One sentence, without a full stop, fit for a status line: names are
  /// shortened and their control characters escaped.
  public var description: String {
    switch self {
    case .cannotOpen(let path, let reason): "cannot open \(path.shown): \(reason)"
    case .directory(let path):
      "\(path.shown) is a directory without model.safetensors, pytorch_model.bin, an index of "
        + "their shards or ckpt.pt; name a checkpoint file inside it"
    case .notARegularFile(let path):
      "\(path.shown) is not a regular file; a checkpoint is mapped, so save it to a file first"
    case .changed(let path):
      "\(path.shown) was changed, cut short or became unreadable while it was open; open it again"
    case .empty: "the file is empty: too short for a checkpoint"
    case .unrecognized(let start):
      "not a checkpoint: the file starts with \(start), which is "
        + "neither safetensors nor PyTorch nor GGUF nor NumPy"
    case .unsupportedFormat(let name):
      "this is \(name); Pare reads safetensors, PyTorch, GGUF and NumPy"
    case .truncated(let what, let offset, let needed, let available):
      "the file is truncated: \(what.shown) at byte \(offset) needs \(needed) bytes, "
        + "\(available) are there"
    case .headerTooLong(let length, let limit):
      "the header claims \(length) bytes, more than the limit of \(limit)"
    case .invalidJSON(let offset, let reason): "invalid JSON at byte \(offset): \(reason)"
    case .duplicateTensor(let name): "tensor \(name.quoted) is listed twice (duplicate name)"
    case .missingField(let tensor, let field): "tensor \(tensor.quoted) has no \(field)"
    case .negativeDimension(let tensor): "tensor \(tensor.quoted) has a negative dimension"
    case .shapeTooLarge(let tensor):
      "tensor \(tensor.quoted) has a shape whose size overflows 64 bits"
    case .tooManyDimensions(let tensor, let limit):
      "tensor \(tensor.quoted) has more than \(limit) dimensions"
    case .invalidRange(let tensor, let begin, let end):
      "tensor \(tensor.quoted) has the impossible byte range \(begin) to \(end)"
    case .sizeMismatch(let tensor, let expected, let found):
      "tensor \(tensor.quoted) needs \(expected) bytes by its shape, its range has \(found)"
    case .outsideFile(let tensor, let end, let available):
      "the file is truncated: tensor \(tensor.quoted) ends at byte \(end), "
        + "the file at \(available)"
    case .overlap(let tensor, let other):
      "tensors \(other.quoted) and \(tensor.quoted) overlap in the file"
    case .gap(let tensor, let begin, let expected):
      "tensor \(tensor.quoted) begins at data byte \(begin) instead of \(expected): a gap"
    case .unreadableType(let tensor, let dtype):
      "tensor \(tensor.quoted) has the data type \(dtype.quoted), which Pare does not read"
    case .invalidPacking(let tensor, let reason):
      "packed tensor \(tensor.quoted) is damaged: \(reason)"
    case .invalidQuantization(let tensor, let reason):
      "quantized tensor \(tensor.quoted) is damaged: \(reason)"
    case .invalidParts(let tensor, let reason):
      "tensor \(tensor.quoted), which several arrays make, is damaged: \(reason)"
    case .noWeights(let reason): "the file holds no weights: \(reason)"
    case .wholeModule(let name):
      "the file holds a whole pickled module, \(name.quoted), which only its own code can open; "
        + "save its state dictionary: torch.save(model.state_dict(), \"model.pt\")"
    case .unreadCodes(let tensor, let others, let layout):
      "tensor \(tensor.quoted)\(others == 0 ? "" : " and \(others) more") "
        + "\(others == 0 ? "holds" : "hold") codes of a layout that Pare does not read "
        + "(\(layout.shown)); codes are shown, but not used as weights"
    case .invalidZip(let offset, let reason): "invalid zip archive at byte \(offset): \(reason)"
    case .invalidDeflate(let name, let offset, let reason):
      "\(name.quoted) is damaged at byte \(offset) of its compressed bytes: \(reason)"
    case .compressedEntry(let name):
      "zip entry \(name.quoted) is compressed; "
        + "save the checkpoint uncompressed, as torch.save does"
    case .missingEntry(let name): "the archive has no entry \(name.quoted)"
    case .invalidPickle(let offset, let reason): "invalid pickle at byte \(offset): \(reason)"
    case .invalidGGUF(let offset, let reason):
      "invalid GGUF header at byte \(offset): \(reason)"
    case .invalidNumPy(let array, let offset, let reason):
      "array \(array.quoted) has an invalid header at byte \(offset): \(reason)"
    case .invalidPart(let name, let reason):
      "part \(name.quoted) of the checkpoint cannot be used: \(reason)"
    case .invalidImportance(let path, let reason):
      (path.map { "cannot use the importance file \($0.shown): " } ?? "") + reason
    case .misaligned(let tensor, let offset, let alignment):
      "tensor \(tensor.quoted) begins at data byte \(offset), no multiple of \(alignment)"
    case .rowNotInBlocks(let tensor, let columns, let format, let block):
      "tensor \(tensor.quoted) has rows of \(columns), and \(format) needs multiples of \(block)"
    case .forbiddenConstructor(let name, let offset):
      "the pickle asks for \(name.quoted) at byte \(offset), which is refused: "
        + "it would run code in PyTorch, and no checkpoint needs it"
    case .storageTooShort(let tensor, let needed, let available):
      "tensor \(tensor.quoted) reaches to byte \(needed) of a storage of \(available) bytes"
    case .negativeStride(let tensor): "tensor \(tensor.quoted) has a negative stride or offset"
    case .limitExceeded(let what, let limit): "\(what) exceeds the limit of \(limit.grouped)"
    case .invalidConversion(let reason): "this cannot be written: \(reason)"
    case .sameFile(let path):
      "\(path.shown) is the checkpoint that is open; save under another name"
    case .isInput(let path):
      "\(path.shown) would be written, and is an input; write to another file"
    case .cannotRead(let path, let reason): "cannot read \(path.shown): \(reason)"
    case .cannotWrite(let path, let reason): "cannot write \(path.shown): \(reason)"
    case .exists(let path): "\(path.shown) is there already; add --force to replace it"
    case .stopped: "the save was stopped; nothing was changed"
    }
  }
}

extension CheckpointError {
  /// The sentence about a small file that is read beside checkpoints, with what it is:
  /// `cannot read the recipe PATH: it is a folder`.
  package func about(_ what: String) -> String {
    guard case .cannotRead(let path, let reason) = self else { return "\(what): \(self)" }
    return "cannot read \(what) \(path.shown): \(reason)"
  }
}

extension Int {
  /// `111,539`.
  package var grouped: String {
    let digits = String(magnitude)
    var grouped = self < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { grouped += "," }
      grouped.append(digit)
    }
    return grouped
  }
}

extension String {
  /// The text on one line of bounded length, control characters escaped.
  var shown: String { shown(limit: 200) }

  /// The same, cut to at most `limit` characters.
  package func shown(limit: Int) -> String {
    let head = unicodeScalars.prefix(limit)
    var text = ""
    for scalar in head {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        text += scalar.escaped(asASCII: true)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return head.endIndex < unicodeScalars.endIndex ? text + "…" : text
  }

  var quoted: String { "'\(shown)'" }
}
