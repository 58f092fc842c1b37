internal import CheckpointIO
internal import Tensors
public import TestSupport
internal import Transformers

/// Does with an open checkpoint what the program may do with it, so that nothing waits in it
/// to trap later.
enum Use {
  /// Weights of a tensor whose values are read.
  private static let valueLimit = 1 << 14
  /// Values that are read of one checkpoint.
  private static let totalLimit = 1 << 15
  /// Weights of a checkpoint that is run and planned for saving, which takes longer.
  private static let workLimit = 1 << 12

  /// Throws what reading and planning a file throw.
  static func all(of checkpoint: Checkpoint) throws {
    precondition(checkpoint.warnings.allSatisfy { isShowable($0) }, "a warning is plain text")
    if let metadata = checkpoint.gguf { read(metadata) }
    var total = 0
    var small: [Parameter] = []
    for parameter in checkpoint.parameters {
      _ = (parameter.place.path, parameter.mask?.keptCount)
      total += parameter.shape.count
      guard parameter.shape.count <= valueLimit, total <= totalLimit else { continue }
      let tensor = try parameter.tensor(threads: 1)
      precondition(tensor.shape == parameter.shape, "values have the shape that was promised")
      _ = checkpoint.codes(of: parameter.name, threads: 1)
      small.append(parameter)
    }
    if let vocabulary = checkpoint.vocabulary {
      let tokenizer = CharacterTokenizer(vocabulary: vocabulary)
      _ = tokenizer.decode([0, vocabulary.count, -1])
      _ = try? tokenizer.encode("a\n\u{E9}")
    }
    guard total <= workLimit else { return }
    run(checkpoint)
    try plan(Parameters(small), checkpoint)
  }

  /// What is opened can be saved, or is refused with a sentence.
  private static func plan(_ parameters: Parameters, _ checkpoint: Checkpoint) throws {
    for form in [SaveForm.packed, .dense(nil)] {
      let plan = try SavePlan.make(parameters: parameters, of: checkpoint, form: form)
      precondition(plan.byteCount > 0)
    }
    // llama.cpp wants more of a model than a checkpoint has to say.
    let plan = try? GGUFPlan.make(
      parameters: checkpoint.parameters, of: checkpoint, storage: .own, threads: 1)
    precondition((plan?.notes ?? []).allSatisfy { isShowable($0) }, "a note is plain text")
  }

  private static func read(_ metadata: GGUFMetadata) {
    for key in metadata.keys {
      _ = (metadata[key], metadata.texts(key), metadata.numbers(key))
    }
  }

  /// The network, where it is one, on one token.
  private static func run(_ checkpoint: Checkpoint) {
    let network = try? Network.make(
      checkpoint.parameters, configuration: checkpoint.configuration)
    _ = try? network?.logits([0])
  }

  /// Whether a sentence can stand on a line of a terminal as it is.
  static func isShowable(_ sentence: String) -> Bool {
    sentence.unicodeScalars.allSatisfy {
      switch $0.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: false
      default: true
      }
    }
  }
}

extension Reader {
  /// Reads an input and says how it ended: nil, or the sentence. Traps for a sentence that
  /// could command a terminal, or is too long for a line.
  public func outcome(of bytes: [UInt8], in folder: TemporaryFolder) -> String? {
    do {
      try read(bytes, in: folder)
      return nil
    } catch {
      let sentence = String(describing: error)
      precondition(Use.isShowable(sentence), "a sentence is plain text: \(sentence)")
      precondition(sentence.utf8.count <= Reader.sentenceLimit, "a sentence is short")
      return sentence
    }
  }

  /// Two names of 200 characters, of up to eight bytes each where they are escaped, and words.
  private static let sentenceLimit = 4096
}
