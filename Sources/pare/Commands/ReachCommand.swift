internal import ArgumentParser
internal import CheckpointIO
internal import Compression
internal import Tensors
internal import Workspace

/// `pare reach TARGET FILE -o OUT`: the mix of levels that comes to a size or a loss.
struct ReachCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reach",
    abstract: "Find the mix of levels that comes to a size or a loss best, and save it.",
    discussion: """
      Every layer is tried at every level: ternary and 2 to 8 bits in groups, or, of a GGUF file, its block \
      formats. What a layer's outputs lose on the text counts by how much that changes the model's \
      predictions; the mix that loses least in all is then rounded layer by layer.
      """)

  @Argument(help: "80MB, 4.0b/w (bits of the file's tensors per weight), or loss=2.95.")
  var target: String

  @OptionGroup var input: FileArgument
  @OptionGroup var output: OutputOptions

  @Option(
    help: ArgumentHelp(
      "The text that is run to see what goes into layers; none for one that the model writes.",
      valueName: "file"),
    completion: .file())
  var text: String?

  @Option(
    help: ArgumentHelp(
      "The text that a loss is measured on; none for the usual one of pare eval.",
      valueName: "file"),
    completion: .file())
  var lossText: String?

  @Option(help: "How weights are rounded: nearest, gptq or qronos.")
  var method = "qronos"

  @Option(help: "Consecutive inputs of a channel that share a scale, but in blocks.")
  var groupSize = 64

  @Option(help: "How many sequences of the text are run.")
  var sequences = 64

  @Option(help: "Tokens of a sequence.")
  var length = 512

  @OptionGroup var format: FormatOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    guard let target = MixTarget(target) else {
      throw UsageError(
        "a target is a size, bits per weight or a loss, such as 80MB, 4.0b/w or "
          + "loss=2.95, not \(target)")
    }
    let place = try SaveTarget(
      output, SaveOptions(format: format.format, shardByteCount: format.shardSize?.byteCount))
    if format.layout != nil {
      throw UsageError("reach mixes levels, and a --layout has one for all layers")
    }
    if place.request.format == .pytorch {
      throw UsageError(
        "reach counts the bytes of safetensors or GGUF, and \(output.path) would be PyTorch")
    }
    var base = Quantize.mixed(on: text ?? "")
    do {
      base = try base.setting("method", toText: method)
        .setting("group-size", toText: "\(groupSize)")
      if base.method == .nearest {
        if text != nil { throw PassError("nearest looks at no text") }
      } else {
        base = try base.setting("sequences", toText: "\(sequences)")
          .setting("length", toText: "\(length)")
      }
      try base.validate()
    } catch let error as PassError {
      throw UsageError(error.description)
    }
    try place.check(against: input.file)
    let checkpoint = try input.open(
      toPass: Recipe(steps: [Step(pass: base)]), isRun: true, threads: threads.count)
    let found = try Work.run("reach", threads: threads.count) { job in
      try Headless.mix(
        for: target, by: base, of: checkpoint, as: place.request,
        lossOn: lossText.map { .file($0) } ?? .usual, in: job)
    }
    guard let found else {
      throw CommandError("\(input.file) has come to \(target) already; nothing was written")
    }
    StandardError.write("pare: \(found.mixSummary)\n")
    try place.write(
      Recipe(steps: [Step(pass: found)]), of: input, importance: try ImportanceOptions.parse([]),
      threads: threads.count, asJSON: report.json)
  }
}
