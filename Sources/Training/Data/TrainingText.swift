internal import Tensors
internal import Transformers

/// A text as tokens: the first nine tenths of its characters to train on, the rest
/// to validate, as nanoGPT cuts it.
public struct TrainingText: Sendable {
  public let training: [Int32]
  public let validation: [Int]
  /// A hash of all tokens, that tells texts apart.
  public let fingerprint: String

  /// Encodes with the tokens of `vocabulary`. Throws
  /// `NetworkError.unknownCharacter`, whose position counts from the start of the
  /// text.
  public init(_ text: String, vocabulary: [String]) throws {
    let tokenizer = CharacterTokenizer(vocabulary: vocabulary)
    let scalars = text.unicodeScalars
    let cut = Int(0.9 * Double(scalars.count))
    let middle = scalars.index(scalars.startIndex, offsetBy: cut)
    training = try tokenizer.encode(String(scalars[..<middle])).map {
      Int32(truncatingIfNeeded: $0)
    }
    do {
      validation = try tokenizer.encode(String(scalars[middle...]))
    } catch NetworkError.unknownCharacter(let character, let position) {
      throw NetworkError.unknownCharacter(character: character, position: cut + position)
    }
    var fingerprint = Fingerprint()
    for token in training { fingerprint.add(UInt64(UInt32(bitPattern: token))) }
    for token in validation { fingerprint.add(UInt64(token)) }
    self.fingerprint = String(fingerprint.value, radix: 16)
  }

  /// The characters (Unicode scalars) of a text in their order: nanoGPT's
  /// vocabulary.
  public static func vocabulary(of text: String) -> [String] {
    Set(text.unicodeScalars).sorted().map { String($0) }
  }

  /// Throws `TrainingError.textTooShort` where windows of `context` tokens cannot be
  /// cut, or nothing can be validated.
  public func check(context: Int) throws {
    guard training.count > context else {
      throw TrainingError.textTooShort(
        part: "training", tokens: training.count, needed: context + 1)
    }
    guard validation.count >= 2 else {
      throw TrainingError.textTooShort(
        part: "validation", tokens: validation.count, needed: 2)
    }
  }
}
