internal import CheckpointIO

/// Why a recipe's file could not be read, in one sentence.
public struct RecipeFileError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
}

extension Recipe {
  /// Reads the recipe in a file. Throws `RecipeFileError`, and what
  /// `init(yaml:)` throws.
  public init(contentsOf path: String) throws {
    guard let text = String(validating: try Self.bytes(of: path), as: UTF8.self) else {
      throw RecipeFileError(description: "cannot read the recipe \(path): it is not UTF-8 text")
    }
    try self.init(yaml: text)
  }

  private static func bytes(of path: String) throws -> [UInt8] {
    do {
      if let bytes = try WholeFile.read(path, limit: byteLimit) { return bytes }
    } catch {
      throw RecipeFileError(description: error.about("the recipe"))
    }
    throw RecipeFileError(description: "cannot read the recipe \(path): there is no such file")
  }
}
