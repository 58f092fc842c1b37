package import Models

/// What a linear layer multiplies, and where the result goes.
@safe
package struct LayerProduct {
  /// What happens to it on its way out.
  package struct Finish {
    /// GELU, in either form.
    package var activation: ModelConfig.Activation?
    /// Adds to what is there instead of replacing it.
    package var adds = false
    /// Writes bf16.
    package var isHalf = false

    package init(
      activation: ModelConfig.Activation? = nil, adds: Bool = false, isHalf: Bool = false
    ) {
      (self.activation, self.adds, self.isHalf) = (activation, adds, isHalf)
    }
  }

  /// Inputs.
  package let count: Int
  /// `count × columns` of f32, or of bf16 where the layer multiplies that.
  package let input: UnsafeRawPointer
  package let output: UnsafeMutableRawPointer
  /// Values from the outputs of one input to the next one's.
  package let stride: Int
  package let finish: Finish

  package init(
    _ count: Int, _ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, stride: Int,
    _ finish: Finish = Finish()
  ) {
    (self.count, self.stride, self.finish) = (count, stride, finish)
    unsafe self.input = unsafe input
    unsafe self.output = unsafe output
  }
}
