internal import ArgumentParser
internal import CheckpointIO
internal import Tensors

/// `pare inspect FILE`: every tensor of a checkpoint.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "List every tensor of a checkpoint, with its statistics.")

  @OptionGroup var input: FileArgument
  @OptionGroup var report: ReportOptions

  func run() throws {
    let checkpoint = try Checkpoint.open(input.file)
    for warning in checkpoint.warnings {
      StandardError.write("pare: warning: \(sentence(warning))\n")
    }
    if report.json { json(of: checkpoint).print() } else { table(of: checkpoint).print() }
  }

  private func json(of checkpoint: Checkpoint) -> JSON {
    .object([
      "bytes": .integer(checkpoint.fileByteCount),
      "format": .string(checkpoint.format),
      "metadata": .object(checkpoint.metadata.mapValues { .string($0) }),
      "name": .string(checkpoint.name),
      "tensors": .array(checkpoint.tensors.map(json)),
      "warnings": .array(checkpoint.warnings.map { .string($0) }),
    ])
  }

  private func json(of tensor: TensorInfo) -> JSON {
    .object([
      "block": .integer(tensor.place.block),
      "bytes": .integer(tensor.byteCount),
      "dtype": .string(tensor.dtypeName),
      "encoding": .string(tensor.encoding),
      "layer": .string(tensor.place.layer),
      "name": .string(tensor.name),
      "role": .string(tensor.place.role.rawValue),
      "shape": .array(tensor.shape.dimensions.map { .integer($0) }),
      "shares_storage_of": .string(tensor.sharesStorageOf),
    ])
  }

  private func table(of checkpoint: Checkpoint) -> Table {
    var table = Table([
      ("tensor", .left), ("dtype", .left), ("shape", .left), ("bytes", .right),
    ])
    for tensor in checkpoint.tensors {
      table.add([
        tensor.name, tensor.dtypeName, tensor.shape.description, String(tensor.byteCount),
      ])
    }
    return table
  }
}
