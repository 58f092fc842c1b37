internal import ArgumentParser

/// How the weights of an output are stored.
struct FormOptions: ParsableArguments {
  enum Layout: String, EnumerableFlag {
    case packed, dense

    static func help(for value: Layout) -> ArgumentHelp? {
      switch value {
      case .packed: "Each tensor in the smallest encoding that keeps every value. (default)"
      case .dense: "Plain tensors, zeros included, for readers that know no packing."
      }
    }
  }

  @Flag var layouts: [Layout] = []

  /// What is said when both are asked for.
  static let conflict = ValidationError(
    "--packed and --dense exclude each other; give one of them")

  func validate() throws {
    if Set(layouts).count > 1 { throw Self.conflict }
  }

  var isPacked: Bool? { layouts.first.map { $0 == .packed } }
}
