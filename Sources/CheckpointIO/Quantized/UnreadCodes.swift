/// Codes of layouts that are not read. They are listed and can be looked at; whatever would
/// change, judge or write weights refuses.
public struct UnreadCodes: Sendable, Hashable {
  /// `TensorInfo.encoding` of a tensor of such codes.
  public static let encoding = "codes"

  /// The first tensor of codes.
  public let tensor: String
  /// What is known of its layout: who wrote it, its type, and the scales beside it.
  public let layout: String
  /// Tensors of codes in the file.
  public internal(set) var count: Int

  /// What is said where they are needed as weights.
  public var refusal: CheckpointError {
    .unreadCodes(tensor: tensor, others: count - 1, layout: layout)
  }

  /// One for the file.
  var warning: String { refusal.description }
}
