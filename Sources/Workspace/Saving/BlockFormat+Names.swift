public import Tensors

extension BlockFormat {
  /// The names of those that can be written, as they are typed.
  public static var writableNames: [String] {
    allCases.filter(\.isWritable).map { $0.rawValue.lowercased() }
  }

  /// One that can be written, by its name in any case of letters.
  public init?(writable name: String) {
    guard let format = BlockFormat(rawValue: name.uppercased()), format.isWritable else {
      return nil
    }
    self = format
  }
}
