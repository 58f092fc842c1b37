public import ArgumentParser
public import CheckpointIO

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
      "Split safetensors into files of at most so many bytes, 500MB or 2GB (units of a "
        + "thousand), and an index of them.", valueName: "size"))
  var shardSize: ByteCount?

  /// The format of an output; `implied` is what other options ask for.
  func format(of path: String, implied: FileFormat? = nil) throws -> FileFormat {
    if let format, let implied, format != implied {
      throw UsageError("--format \(format.rawValue) and --type exclude each other")
    }
    let format = implied ?? format ?? FileFormat(named: path)
    if shardSize != nil, format != .safetensors {
      throw UsageError("--shard-size splits safetensors; \(path) would be \(format.title)")
    }
    return format
  }
}

extension FileFormat: ExpressibleByArgument {}

/// A number of bytes on the command line: `500MB`.
struct ByteCount: ExpressibleByArgument {
  let count: Int

  private static let units = [("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1)]

  init?(argument: String) {
    let text = argument.uppercased()
    let unit = Self.units.first { text.hasSuffix($0.0) } ?? ("", 1)
    let digits = text.dropLast(unit.0.count)
    guard digits.allSatisfy({ "0123456789.".contains($0) }), let number = Double(digits),
      let count = Int(exactly: (number * unit.1).rounded()), count > 0
    else { return nil }
    self.count = count
  }
}
