/// What a tokenizer is, as a value: the vocabulary, how text is prepared, how it
/// becomes tokens and how tokens become text again. `Tokenizer` runs it.
public struct TokenizerSpec: Sendable {
  /// Ids a vocabulary may have; the largest known one has 262,208.
  public static let tokenLimit = 1 << 22

  /// The bytes of each token by id; empty where a file leaves an id out. Real
  /// bytes for byte-level models (" the", not "Ġthe"); the text as trained for
  /// the others ("▁the", "<0x0A>").
  public var vocabulary = ByteStrings()
  /// As long as `vocabulary`.
  public var kinds: [TokenKind] = []
  public var addedTokens: [AddedToken] = []
  public var normalizers: [Normalizer] = []
  public var preTokenizers: [PreTokenizer] = []
  public var model: TokenModel
  public var decoders: [DecoderStep] = []
  /// Ids put before and after a text that is encoded with its special tokens.
  public var prefix: [Int32] = []
  public var suffix: [Int32] = []
  public var beginning: Int32?
  public var ending: Int32?
  /// What a model ends with besides `ending`: a turn, or a call of a tool.
  public var otherEndings: Set<Int32> = []
  public var padding: Int32?
  /// The Jinja template of a conversation, if the file has one.
  public var chatTemplate: String?

  public init(model: TokenModel) { self.model = model }
}

/// What a token stands for. Raw values are those of SentencePiece's `Type` and of
/// GGUF's `tokenizer.ggml.token_type`.
public enum TokenKind: UInt8, Sendable {
  case normal = 1
  case unknown = 2
  /// Beginning, end, padding: never found in a text.
  case control = 3
  /// Found in a text before anything else.
  case userDefined = 4
  case unused = 5
  /// One byte, as `<0x0A>`.
  case byte = 6
}

/// A token that is looked for in the text before the model sees it.
public struct AddedToken: Sendable, Equatable {
  public var id: Int32
  public var content: [UInt8]
  /// Found only when special tokens are asked for, and left out of plain text.
  public var isSpecial = false
  /// Takes the white space before or after it along.
  public var stripsLeft = false
  public var stripsRight = false
  /// Found only where no letter, digit or underscore touches it.
  public var isSingleWord = false
  /// Looked for in normalized text rather than in the text as given.
  public var isNormalized = false

  public init(id: Int32, content: [UInt8], isSpecial: Bool = false) {
    self.id = id
    self.content = content
    self.isSpecial = isSpecial
  }
}

/// One change to the text. Names and meanings are those of tokenizer.json.
public enum Normalizer: Sendable {
  case nfc, nfd, nfkc, nfkd
  case lowercase
  /// Removes nonspacing marks (category Mn).
  case stripAccents
  case strip(left: Bool, right: Bool)
  case replace(TextPattern, with: [UInt8])
  /// Put before a text that is not empty.
  case prepend([UInt8])
  /// SentencePiece's compiled map, by grapheme as the Hugging Face library applies it.
  case charsMap(CharsMap)
  /// SentencePiece's own normalization.
  case sentencePiece(SentencePieceRules)
  case bert(cleansText: Bool, splitsHan: Bool, stripsAccents: Bool, lowercases: Bool)
}

/// `NormalizerSpec` of a SentencePiece model.
public struct SentencePieceRules: Sendable {
  public var charsMap: CharsMap?
  public var addsDummyPrefix = true
  public var removesExtraSpaces = true
  public var escapesSpaces = true
  public var putsSpaceLast = false
  /// User-defined pieces, which are left as they are.
  private(set) var kept: ByteTrie?

  public init() {}

  public mutating func keep(_ pieces: some Sequence<[UInt8]>) {
    let entries = pieces.map { ($0[...], Int32(0)) }
    kept = entries.isEmpty ? nil : ByteTrie(entries)
  }
}

/// Text to look for: literal bytes, or a regular expression.
public enum TextPattern: Sendable {
  case literal([UInt8])
  case expression(Pattern)
}

/// One cut of the text into pieces. Names and meanings are those of tokenizer.json.
public enum PreTokenizer: Sendable {
  /// GPT-2's mapping of bytes to characters, with its split if `splits`.
  case byteLevel(addsPrefixSpace: Bool, splits: Bool)
  case split(TextPattern, SplitBehavior, inverted: Bool)
  case digits(individually: Bool)
  case metaspace(MetaspaceRules)
  /// Words and runs of punctuation: `\w+|[^\w\s]+`.
  case whitespace
  case whitespaceSplit
  case punctuation(SplitBehavior)
  case bert
}

public struct MetaspaceRules: Sendable, Equatable {
  public enum Prefix: Sendable { case always, first, never }

  /// What stands for a space, usually "▁" (U+2581).
  public var replacement: [UInt8]
  public var prefix: Prefix
  public var splits: Bool

  public init(replacement: [UInt8] = lowerBlock, prefix: Prefix = .always, splits: Bool = true) {
    self.replacement = replacement
    self.prefix = prefix
    self.splits = splits
  }

  /// "▁" in UTF-8.
  public static let lowerBlock: [UInt8] = [0xE2, 0x96, 0x81]
}

/// What becomes of the text that a split finds.
public enum SplitBehavior: Sendable {
  case removed, isolated, mergedWithPrevious, mergedWithNext, contiguous
}

/// How a piece of text becomes tokens.
public enum TokenModel: Sendable {
  case bytePairs(BytePairRules)
  case unigram(UnigramRules)
  case wordPiece(WordPieceRules)
  /// The longest token that fits, from the left.
  case longestMatch(unknown: Int32?)
}

/// Byte-pair encoding (Sennrich et al., 2016): the best pair is merged until none is left.
public struct BytePairRules: Sendable {
  public enum Order: Sendable {
    /// Pairs of ids, best first. Ids from `vocabulary.count` on are `extraSymbols`.
    case merges([Merge])
    /// SentencePiece: any two neighbours that together are a token, by its score.
    case scores([Float])
  }

  public struct Merge: Sendable, Equatable {
    public var left: Int32
    public var right: Int32
    public var result: Int32

    public init(left: Int32, right: Int32, result: Int32) {
      (self.left, self.right, self.result) = (left, right, result)
    }
  }

  public var order: Order
  /// Symbols that merges go through and that are no tokens themselves.
  public var extraSymbols = ByteStrings()
  /// Starts from bytes rather than from characters.
  public var isByteLevel = false
  /// A piece that is a token is not split at all.
  public var ignoresMerges = false
  /// The same for pieces of newlines alone (Gemma 4).
  public var takesNewlinesWhole = false
  /// Unknown characters become `<0x..>` tokens.
  public var hasByteFallback = false
  public var unknown: Int32?
  /// A run of unknown characters becomes one unknown token.
  public var fusesUnknown = false

  public init(order: Order) { self.order = order }
}

/// Unigram language model (Kudo, 2018): the most probable segmentation.
public struct UnigramRules: Sendable {
  /// Log probability by id.
  public var scores: [Double]
  public var unknown: Int32?
  public var hasByteFallback = false
  /// User-defined pieces win over others, as in SentencePiece.
  public var prefersUserDefined = false
  /// Sums are of 32 bits, as in SentencePiece: ties depend on it.
  public var keepsSingleSums = false

  public init(scores: [Double]) { self.scores = scores }
}

/// WordPiece (Schuster and Nakajima, 2012): the longest prefix that is a token, repeatedly.
public struct WordPieceRules: Sendable {
  public var unknown: Int32
  /// What tokens inside a word start with; empty if words start with "▁" instead.
  public var continuation: [UInt8] = Array("##".utf8)
  public var characterLimit = 100

  public init(unknown: Int32) { self.unknown = unknown }
}

/// One step from tokens to text. Names and meanings are those of tokenizer.json.
public enum DecoderStep: Sendable, Equatable {
  case byteLevel
  case byteFallback
  case fuse
  case replace([UInt8], with: [UInt8])
  /// Removes up to `start` of `content` at the start of the text.
  case strip(content: [UInt8], start: Int)
  case metaspace(MetaspaceRules)
  case wordPiece(continuation: [UInt8])
}
