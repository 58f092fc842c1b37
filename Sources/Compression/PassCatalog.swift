/// Every pass there is: dials, options, recipes, help and tables follow.
public enum PassCatalog {
  public static let all: [any CompressionPass.Type] = [Prune.self, Quantize.self]

  /// The pass of that name.
  public static func named(_ name: String) -> (any CompressionPass.Type)? {
    all.first { $0.name == name }
  }
}
