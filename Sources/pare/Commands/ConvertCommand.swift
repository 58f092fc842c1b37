internal import ArgumentParser
internal import CheckpointIO
internal import Compression
internal import Tensors
internal import Workspace

/// `pare convert FILE -o OUT`: the same model in another file.
struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Rewrite a checkpoint as safetensors, PyTorch or GGUF.",
    discussion: """
      The output's name decides what is written, as --format says; --type means GGUF, too. \
      Without --packed the file is dense: it keeps every tensor's own type, or takes the \
      one that --dtype names. A \
      packed file keeps every value, each tensor in the smallest encoding. With --slice the \
      dense network is smaller: whatever zeros make useless is left out – heads, query and \
      key channels, value channels, hidden channels – and outputs stay the same up to \
      rounding. With --type matrices of a GGUF file are stored in blocks, byte for byte as \
      llama.cpp quantizes, all else as f32; with --text the layers of a network that can be run \
      are quantized as with an importance matrix made of that text. Of a Hugging Face folder \
      names, settings and tokenizer become those that llama.cpp asks for. A PyTorch file \
      holds the state dictionary, which torch.load reads with weights_only=True, or what \
      nanoGPT writes of a network in its layout. With --layout layers that quantize has put on a \
      grid are written as GPTQ's, AWQ's or compressed-tensors' own tools read them. What a file does not hold as the \
      checkpoint had it is told.
      """)

  @OptionGroup var input: FileArgument

  @Flag var layouts: [Layout] = []

  @Flag(help: "Leave out the channels that change nothing: a smaller dense network.")
  var slice = false

  @Option(
    help: ArgumentHelp(
      "Store floating-point weights in this type, rounded to nearest: f32, f16 or bf16.",
      valueName: "type"),
    completion: .list(FloatType.allCases.map(\.rawValue)))
  var dtype: FloatType?

  @OptionGroup var blocks: BlockOptions

  @OptionGroup var output: OutputOptions
  @OptionGroup var format: FormatOptions
  @OptionGroup var threads: ThreadOptions
  @OptionGroup var report: ReportOptions

  /// How the weights are stored.
  enum Layout: String, EnumerableFlag {
    case dense, packed

    static func help(for value: Layout) -> ArgumentHelp? {
      switch value {
      case .dense: "Plain tensors, for every reader. (default)"
      case .packed: "Each tensor in the smallest encoding that keeps every value."
      }
    }
  }

  /// The types weights can be stored in.
  enum FloatType: String, ExpressibleByArgument, CaseIterable {
    case f32, f16, bf16

    var dtype: DType {
      switch self {
      case .f32: .f32
      case .f16: .f16
      case .bf16: .bf16
      }
    }
  }

  func validate() throws {
    guard blocks.type == nil || (layouts.isEmpty && dtype == nil) else {
      throw ValidationError(
        "--type writes GGUF in blocks; it excludes --dense, --packed and --dtype")
    }
    guard Set(layouts).count < 2 else { throw FormOptions.conflict }
    if layouts.first == .packed && dtype != nil {
      throw ValidationError("--packed keeps every value; --dtype needs --dense")
    }
    if layouts.first == .packed && slice {
      throw ValidationError("--slice makes a dense network; it excludes --packed")
    }
  }

  func run() throws {
    try blocks.checkText()
    if slice, format.layout != nil {
      throw UsageError("--slice makes blocks of different widths; it excludes --layout")
    }
    let target = try SaveTarget(
      output,
      SaveOptions(
        format: format.format, isPacked: layouts.first.map { $0 == .packed },
        dtype: dtype?.dtype, blocks: blocks.type?.format,
        shardByteCount: format.shardSize?.byteCount, layout: format.layout), packs: false)
    guard slice, target.request.format != .gguf else {
      return try target.write(
        Recipe(steps: slice ? [Step(pass: Slice())] : []), of: input, importance: blocks.importance,
        threads: threads.count,
        asJSON: report.json)
    }
    try SliceConversion(input: input, target: target, threads: threads.count)
      .run(asJSON: report.json)
  }
}
