/// From which size on nothing of a model that can be made again is kept in memory:
/// changed weights, masks and scales are made when they are read.
package enum LargeModel {
  /// 2²⁸ weights, which are 1 GiB as f32; tests make small models large.
  @TaskLocal package static var weightCount = 1 << 28

  /// Whether tensors with these numbers of weights make a large model. Counting stops as soon
  /// as they do, so that no sum of a file's numbers overflows.
  package static func isMade(ofCounts counts: some Sequence<Int>) -> Bool {
    var left = weightCount
    for count in counts {
      guard count < left else { return true }
      left -= count
    }
    return left <= 0
  }
}

extension Sequence<Parameter> {
  /// Whether they are too many weights to be kept, or to be read unasked.
  package var areLarge: Bool { LargeModel.isMade(ofCounts: lazy.map(\.shape.count)) }
}
