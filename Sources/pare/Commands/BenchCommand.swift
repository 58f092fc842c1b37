internal import ArgumentParser
internal import CheckpointIO
internal import Jobs
internal import Tensors
internal import Workspace

/// `pare bench`: what this machine and this program reach together.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure this program on this machine.",
    discussion: """
      Takes about three quarters of a minute and 1.2 GB of memory. Training, the network and the \
      explorer are measured on FILE, or on the checkpoint that is part of the program.
      """)

  @Argument(help: "The checkpoint.", completion: .file())
  var file: String?

  @Option(
    name: .customLong("open"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Also time the opening of these files, to a list of their tensors and to their blocks.",
      valueName: "file"),
    completion: .file())
  var opened: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Also time the encoding of text by the tokenizers that Benchmarks/peers_tokenizers.py \
      made in this folder.
      """,
      valueName: "folder"),
    completion: .directory)
  var tokenizers: String?

  @Option(
    name: .customLong("model"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Also time these models from their stored form: reading a prompt, and writing.",
      valueName: "file"),
    completion: .file())
  var models: [String] = []

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Also time the models' evaluation, in windows of these lengths.", valueName: "number"))
  var windows: [Int] = []

  @Option(
    help: ArgumentHelp("How many runs of a model to take the median of.", valueName: "number"))
  var runs = 3

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("Measure these parts alone, and what else is asked for.", valueName: "part"))
  var only: [Part] = []

  @OptionGroup var network: NetworkOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  /// What is measured where no option asks for more, in this order: the peak of memory is that of
  /// training only while nothing else has run.
  enum Part: String, ExpressibleByArgument, CaseIterable {
    case training, machine, weights, blocks, network, explorer
    /// Measures nothing that is not asked for by another option.
    case none
  }

  func validate() throws {
    if runs < 1 { throw ValidationError("--runs is a whole number from 1 up, not \(runs)") }
    let limit = 1 << 20
    guard let window = windows.first(where: { !(2...limit).contains($0) }) else { return }
    throw ValidationError("--windows takes whole numbers from 2 to \(limit), not \(window)")
  }

  func run() throws {
    let checkpoint = try file.map { try self.network.open($0, toRun: true) } ?? Embedded.open()
    // Nothing is written, so a signal may end it as it ends any program.
    let line = ProgressLine("bench")
    let parts = Part.allCases.filter { only.isEmpty || only.contains($0) }
    let count = Double(parts.count + models.count)
    var figures: [NamedFigure] = []
    for (index, part) in parts.enumerated() {
      line.show(Progress(fraction: Double(index) / count, detail: part.rawValue))
      figures += try measure(part, checkpoint)
    }
    for (index, model) in models.enumerated() {
      line.show(Progress(fraction: Double(parts.count + index) / count, detail: model))
      figures += try ModelFigures.measure(
        model, windows: windows, runs: runs, threads: threads.count
      ).named
    }
    figures += try opened.flatMap { try OpeningFigures.measure($0).named }
    figures += try tokenizers.map { try TokenizerFigures.measure($0).flatMap(\.named) } ?? []
    line.finish()
    if report.json {
      JSON.object(Dictionary(figures.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })).print()
    } else {
      var table = Table([("figure", .left), ("", .right)])
      for figure in figures { table.add([figure.name, figure.text]) }
      table.print()
    }
  }

  private func measure(_ part: Part, _ checkpoint: Checkpoint) throws -> [NamedFigure] {
    let threads = threads.count
    return switch part {
    case .training: try TrainingFigures.measure(checkpoint, threads: threads)?.named ?? []
    case .machine:
      MemoryFigures.measure(threads: threads).named
        + (try ProductFigures.measure(threads: threads).named)
        + [NamedFigure("threads", Double(threads))]
    case .weights: WeightKernelFigures.measure(threads: threads).named
    case .blocks: BlockKernelFigures.measure(threads: threads).flatMap(\.named)
    case .network: try NetworkFigures.measure(checkpoint, threads: threads)?.named ?? []
    case .explorer: try ExplorerFigures.measure(checkpoint, threads: threads).named
    case .none: []
    }
  }
}
