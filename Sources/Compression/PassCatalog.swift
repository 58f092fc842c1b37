/// Every pass there is: dials, options, recipes, help and tables follow.
public enum PassCatalog {
  /// In the order in which tables and menus show them.
  public static let all: [any CompressionPass.Type] = [
    Prune.self, Remove.self, Quantize.self, Allocate.self, Slice.self,
  ]

  /// The pass of that name.
  public static func named(_ name: String) -> (any CompressionPass.Type)? {
    all.first { $0.name == name }
  }
}
