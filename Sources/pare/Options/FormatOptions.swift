public import ArgumentParser
public import CheckpointIO
public import Workspace

/// Which kind of file is written, and whether in shards.
struct FormatOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Write safetensors, pytorch or gguf. Without it the output's name decides: .pt, .pth and "
        + ".bin are PyTorch, always dense; .gguf is GGUF, all else safetensors.",
      valueName: "format"))
  var format: FileFormat?

  @Option(
    help: ArgumentHelp(
      "Split safetensors into files of at most this size, 500MB or 2GB (units of a "
        + "thousand), and an index of them.", valueName: "size"))
  var shardSize: ByteSize?

  @Option(
    help: ArgumentHelp(
      """
      Write a Hugging Face folder, which the output names, with layers that lie on a grid in the \
      layout of another quantizer: gptq, awq or compressed-tensors.
      """, valueName: "name"),
    completion: .list(ExportLayout.allCases.map(\.rawValue)))
  var layout: ExportLayout?
}

extension ExportLayout: ExpressibleByArgument {}

extension FileFormat: ExpressibleByArgument {}

/// A number of bytes on the command line: `500MB`.
extension ByteSize: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
