/// From which size on nothing of a model that can be made again is kept in memory:
/// changed weights, masks and scales are made when they are read.
package enum LargeModel {
  /// 2²⁸ weights, which are 1 GiB as f32; tests make small models large.
  @TaskLocal package static var weightCount = 1 << 28
}

extension Sequence<Parameter> {
  /// Whether they are too many weights to be kept, or to be read unasked.
  package var areLarge: Bool { reduce(0) { $0 + $1.shape.count } >= LargeModel.weightCount }
}
