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
      Takes about three quarters of a minute and 1.2 GB of memory. The network and the explorer are \
      measured on FILE, or on the checkpoint that is part of the program.
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

  @OptionGroup var network: NetworkOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  func run() throws {
    let checkpoint = try file.map { try self.network.open($0, toRun: true) } ?? Embedded.open()
    let threads = threads.count
    // Nothing is written, so a signal may end it as it ends any program.
    let line = ProgressLine("bench")
    // First, because the peak of memory is measured with it.
    line.show(Progress(fraction: 0, detail: "training"))
    let training = try TrainingFigures.measure(checkpoint, threads: threads)
    line.show(Progress(fraction: 0.25, detail: "matrix products"))
    let products = try ProductFigures.measure(threads: threads)
    line.show(Progress(fraction: 0.3, detail: "kernels"))
    let kernels = WeightKernelFigures.measure(threads: threads)
    line.show(Progress(fraction: 0.5, detail: "weights in blocks"))
    let blocks = BlockKernelFigures.measure(threads: threads)
    let opening = try opened.map { try OpeningFigures.measure($0) }
    let encoding = try tokenizers.map { try TokenizerFigures.measure($0) } ?? []
    line.show(Progress(fraction: 0.7, detail: "network"))
    let network = try NetworkFigures.measure(checkpoint, threads: threads)
    line.show(Progress(fraction: 0.8, detail: "explorer"))
    let explorer = try ExplorerFigures.measure(checkpoint, threads: threads)
    line.finish()
    let figures =
      Self.figures(kernels, products, network, training, explorer)
      + Self.figures(blocks, opening) + Self.figures(encoding)
    if report.json {
      JSON.object(Dictionary(figures.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })).print()
    } else {
      var table = Table([("figure", .left), ("", .right)])
      for figure in figures { table.add([figure.name, figure.text]) }
      table.print()
    }
  }

  private struct NamedFigure {
    let name: String
    let value: JSON
    let text: String

    init(_ name: String, _ value: Double?) {
      self.name = name
      self.value = .number(value)
      text = Figure.short(value)
    }
  }

  private static func figures(
    _ blocks: [BlockKernelFigures], _ opening: [OpeningFigures]
  ) -> [NamedFigure] {
    blocks.flatMap { figure in
      let name = figure.format.rawValue.lowercased()
      return [
        NamedFigure("dequantize_\(name)_gb_per_s", figure.dequantizeGBps),
        NamedFigure("quantize_\(name)_gb_per_s", figure.quantizeGBps),
      ]
    }
      + opening.flatMap { figure in
        [
          NamedFigure("open_\(figure.name)_seconds", figure.seconds),
          NamedFigure("open_\(figure.name)_model_seconds", figure.modelSeconds),
        ]
      }
  }

  private static func figures(_ encoding: [TokenizerFigures]) -> [NamedFigure] {
    encoding.flatMap { figure in
      [
        NamedFigure("encode_\(figure.name)_mb_per_s", figure.speed),
        NamedFigure("encode_\(figure.name)_tokens", Double(figure.tokens)),
      ]
    }
  }

  private static func figures(
    _ kernels: WeightKernelFigures, _ products: ProductFigures, _ network: NetworkFigures?,
    _ training: TrainingFigures?, _ explorer: ExplorerFigures
  ) -> [NamedFigure] {
    [
      NamedFigure("threads", Double(kernels.threads)),
      NamedFigure("memory_read_gb_per_s", kernels.memoryReadGBps),
      NamedFigure("summary_f32_gb_per_s", kernels.summaryF32GBps),
      NamedFigure("summary_bf16_gb_per_s", kernels.summaryBF16GBps),
      NamedFigure("summary_and_mask_f32_gb_per_s", kernels.summaryMaskF32GBps),
      NamedFigure("summary_and_mask_f32_share_of_memory", kernels.summaryMaskF32Share),
      NamedFigure("summary_and_mask_bf16_gb_per_s", kernels.summaryMaskBF16GBps),
      NamedFigure("summary_and_mask_bf16_share_of_memory", kernels.summaryMaskBF16Share),
      NamedFigure("summary_mask_histogram_f32_gb_per_s", kernels.summaryHistogramF32GBps),
      NamedFigure("summary_mask_histogram_bf16_gb_per_s", kernels.summaryHistogramBF16GBps),
      NamedFigure("f32_to_bf16_gb_per_s", kernels.narrowBF16GBps),
      NamedFigure("statistics_500mb_seconds", kernels.statisticsOf500MBSeconds),
      NamedFigure("prune_100m_seconds", kernels.pruneSeconds),
      NamedFigure("prune_100m_mask_only_seconds", kernels.pruneMaskSeconds),
      NamedFigure("evaluation_f32_tokens_per_second", network?.evaluation),
      NamedFigure("evaluation_bf16_tokens_per_second", network?.evaluationBF16),
      NamedFigure("generation_tokens_per_second", network?.generation),
      NamedFigure("products_f32_gflops", products.f32.gigaflops),
      NamedFigure("products_f32_share_of_peak", products.f32.share),
      NamedFigure("products_bf16_gflops", products.bf16.gigaflops),
      NamedFigure("products_bf16_share_of_peak", products.bf16.share),
      NamedFigure("training_tokens_per_second", training?.plain),
      NamedFigure("compressing_tokens_per_second", training?.compressing),
      NamedFigure("compressed_70_tokens_per_second", training?.compressed),
      NamedFigure("training_resident_mb", training.map { $0.memory / 1e6 }),
      NamedFigure("frame_200x60_milliseconds", explorer.frameSeconds * 1000),
      NamedFigure("key_to_frame_median_milliseconds", explorer.keySeconds.median * 1000),
      NamedFigure("key_to_frame_p99_milliseconds", explorer.keySeconds.percentile99 * 1000),
    ]
  }
}
