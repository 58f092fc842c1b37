internal import ArgumentParser
internal import CheckpointIO

/// How the weights of an output are stored.
struct FormOptions: ParsableArguments {
  enum Layout: String, EnumerableFlag {
    case packed, dense

    static func help(for value: Layout) -> ArgumentHelp? {
      switch value {
      case .packed: "Each tensor in the smallest encoding that keeps every value."
      case .dense: "Plain tensors, zeros included, for readers that know no packing."
      }
    }
  }

  @Flag var layout = Layout.packed

  var form: SaveForm {
    switch layout {
    case .packed: .packed
    case .dense: .dense(nil)
    }
  }
}
