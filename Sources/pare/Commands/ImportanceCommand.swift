internal import ArgumentParser
internal import CheckpointIO
internal import Workspace

/// `pare importance FILE -o OUT`: an importance matrix, as llama.cpp reads it.
struct ImportanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "importance",
    abstract: "Measure what goes into each matrix on a text, for GGUF's blocks.",
    discussion: """
      Writes llama.cpp's importance matrix, which --importance and llama-quantize's --imatrix \
      read: as GGUF, or, where the output's name ends in .dat, in the form before that. Files \
      have sums, so that llama-imatrix can merge them. With --protocol llama.cpp the text is cut \
      as llama-imatrix cuts it.
      """)

  @OptionGroup var input: FileArgument

  @Option(
    help: ArgumentHelp(
      "Run this UTF-8 text. Without it: one that the model writes itself.", valueName: "file"),
    completion: .file())
  var text: String?

  @Option(
    help: ArgumentHelp(
      "How much of the text: all of it, or validation, its last tenth.", valueName: "part"))
  var part = TextOptions.Part.all

  @Option(
    name: .customLong("protocol"),
    help: ArgumentHelp(
      """
      How the text is cut: all of it in windows of --context tokens (text, windows), or whole \
      windows of 512, each with the token that begins texts in front (llama.cpp).
      """, valueName: "name"))
  var rule = EvalCommand.Rule.text

  @Option(
    help: ArgumentHelp(
      "How many tokens the model sees at once. (default: 2048, or what it can; 512 for llama.cpp)",
      valueName: "number"))
  var context: Int?

  @OptionGroup var output: OutputOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func validate() throws {
    if text == nil, part != .all { throw ValidationError("--part needs --text FILE") }
    if let context, context < 2 {
      throw ValidationError("--context is a whole number from 2 up, not \(context)")
    }
  }

  func run() throws {
    try output.check(against: input.file)
    let claim = try output.claim(inputs: [input.file] + [text].compactMap(\.self))
    let checkpoint = try input.open(toRun: true)
    let (matrix, measuredOn) = try Work.run("importance", threads: threads.count) {
      try Headless.importance(
        of: checkpoint, on: text.map { .file($0) } ?? .selfWritten, part: part.part,
        protocol: rule.value, context: context, in: $0)
    }
    guard !matrix.entries.isEmpty else {
      throw CommandError("\(checkpoint.name) has no matrix whose inputs are finite numbers")
    }
    let form = ImportanceMatrix.Form(named: output.path)
    let byteCount = try matrix.write(to: claim, as: form)
    let unused = matrix.entries.values.reduce(0) { $0 + $1.counts.count { $0 == 0 } }
    if report.json {
      JSON.object([
        "bytes": .integer(byteCount), "chunk_size": .integer(matrix.chunkSize),
        "chunks": .integer(matrix.chunkCount), "entries": .integer(matrix.entries.count),
        "format": .string(form.rawValue), "measured_on": .string(measuredOn),
        "output": .string(output.path), "unused_experts": .integer(unused),
      ]).print()
    } else {
      let experts =
        unused == 0
        ? "" : "\(Figure.count(unused)) matrices of experts that no token went to weigh alike\n"
      StandardOutput.write(
        """
        \(output.path): \(Figure.bytes(byteCount)), \(Figure.count(matrix.entries.count)) tensors
        \(Figure.count(matrix.chunkCount)) windows of \(Figure.count(matrix.chunkSize)) tokens of \
        \(sentence(measuredOn))
        \(experts)
        """)
    }
  }
}
