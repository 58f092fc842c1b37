/// Memory ran out.
public struct BackendError: Error, Sendable, Hashable, CustomStringConvertible {
  /// For what.
  public let purpose: String

  package static func outOfMemory(_ purpose: String) -> BackendError {
    BackendError(purpose: purpose)
  }

  public var description: String { "There is not enough memory for \(purpose)." }
}
