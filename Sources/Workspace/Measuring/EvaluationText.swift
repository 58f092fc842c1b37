internal import CheckpointIO
internal import Glibc
internal import Transformers

/// On what a model's loss is measured.
public enum EvaluationText: Hashable, Sendable {
  /// Of a checkpoint that is part of the program the validation text that is, too; of any
  /// other a text that it writes.
  case usual
  /// A text that the original itself writes: seeded, at temperature 1.
  case selfWritten
  /// A UTF-8 file.
  case file(String)
  /// A file of token numbers with white space between them.
  case tokens(String)
}

/// How much of a text file is measured.
public enum TextPart: String, Hashable, Sendable, CaseIterable {
  /// All of it.
  case whole
  /// The last tenth of its characters: those kept back from training.
  case validation

  /// The part's characters (Unicode scalars) of `count`, as nanoGPT cuts them.
  func range(of count: Int) -> Range<Int> {
    switch self {
    case .whole: 0..<count
    case .validation: Int(0.9 * Double(count))..<count
    }
  }
}

/// A text that is to be measured on: a file, or the one that is part of the program.
struct TextFile: Sendable {
  /// Larger texts take hours.
  static let byteLimit = 1 << 30

  let path: String
  let part: TextPart
  /// Whether it is a list of token numbers.
  private let hasNumbers: Bool
  /// Tells this state of the file from others.
  let key: String
  /// The text where it is no file.
  private let embedded: String?

  /// Validation text of the checkpoints inside the program.
  static let validation = TextFile(
    embedded: Embedded.validationText(), name: Embedded.validationName)

  private init(embedded text: String, name: String) {
    (path, part, embedded, hasNumbers) = (name, .whole, text, false)
    key = "embedded \(name) \(text.utf8.count)"
  }

  /// Looks whether the file is there; reads nothing. Throws `TextError`.
  init(path: String, part: TextPart, hasNumbers: Bool = false) throws {
    self.path = path
    self.part = part
    self.hasNumbers = hasNumbers
    embedded = nil
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      throw TextError(
        "the text \(path) cannot be opened: \(unsafe String(cString: strerror(errno)))")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw TextError("the text \(path) is not a file")
    }
    guard status.st_size > 0 else { throw TextError("the text \(path) is empty") }
    guard status.st_size <= Self.byteLimit else {
      throw TextError("the text \(path) is longer than \(Self.byteLimit.grouped) bytes")
    }
    key = "\(path) \(status.st_size) \(status.st_mtim.tv_sec) \(part)"
  }

  /// The tokens of the part, and how to call it. Throws `TextError`.
  func read(_ coder: () throws -> TextCoder) throws -> (tokens: [Int], title: String) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if hasNumbers { return try readNumbers(name) }
    let coder = try coder()
    let text = try part(of: try contents())
    let tokens: [Int]
    do {
      tokens = try coder.encode(text)
    } catch {
      throw TextError("\(name): \(error)")
    }
    guard tokens.count >= 2 else {
      throw TextError("\(name) is too short: at least 2 tokens are needed to measure")
    }
    let share = part == .validation ? "last tenth, " : ""
    let kind = embedded == nil ? "" : " of validation text"
    return (tokens, "\(name), \(share)\((tokens.count - 1).grouped) \(coder.unit)\(kind)")
  }

  private func readNumbers(_ name: String) throws -> (tokens: [Int], title: String) {
    let words = try contents().split { $0.isWhitespace }
    let tokens = try words.enumerated().map { position, word in
      guard let token = Int(word), token >= 0 else {
        throw TextError("\(name): word \(position + 1) is no token number")
      }
      return token
    }
    guard tokens.count >= 2 else {
      throw TextError("\(name) is too short: at least 2 tokens are needed to measure")
    }
    return (tokens, "\(name), \((tokens.count - 1).grouped) tokens")
  }

  func contents() throws -> String {
    if let embedded { return embedded }
    let bytes: [UInt8]?
    do {
      bytes = try WholeFile.read(path, limit: Self.byteLimit)
    } catch {
      throw TextError(error.about("the text"))
    }
    guard let bytes else { throw TextError("the text \(path) is gone") }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let valid = String(decoding: bytes, as: UTF8.self).utf8
      let offset = zip(bytes, valid).prefix { $0 == $1 }.count
      throw TextError("the text \(path) is not UTF-8 at byte \(offset)")
    }
    return text
  }

  private func part(of text: String) throws -> String {
    guard part != .whole else { return text }
    let scalars = text.unicodeScalars
    let range = part.range(of: scalars.count)
    let start = scalars.index(scalars.startIndex, offsetBy: range.lowerBound)
    return String(scalars[start...])
  }
}
