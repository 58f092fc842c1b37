internal import Jobs
internal import Synchronization
internal import Tensors

/// A cut through the units of several layers, for whichever of them is asked for.
///
/// Of units as large as the cut the first ones go, so what a layer loses depends on
/// how many the layers before it have. That is remembered as layers are asked for
/// in their order, and counted for a layer that is asked for out of it.
final class ModelCut: Sendable {
  private let isShifted: Bool
  private let layers: [Parameter]
  private let pass: Prune
  /// The cut as it comes to each layer, for the first layers.
  private let known: Mutex<[MagnitudeCut]>

  init(_ cut: MagnitudeCut, isShifted: Bool, through layers: [Parameter], under pass: Prune) {
    self.isShifted = isShifted
    self.layers = layers
    self.pass = pass
    known = Mutex([cut])
  }

  /// Which units of a layer stay, as a mask over its scores; `index` is its place
  /// among the layers. Throws `Cancelled`, and what reading others throws.
  func mask(
    of layer: RankedLayer, at index: Int, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Mask {
    var next = known.withLock { $0.count - 1 }
    while next < index {
      defer { next += 1 }
      let earlier = layers[next]
      let weights = try earlier.present(threads: threads, shouldStop: shouldStop)
      let layer = RankedLayer(name: earlier.name, weights: weights, pass: pass)
      _ = try cut(layer, at: next, threads, shouldStop)
    }
    return try cut(layer, at: index, threads, shouldStop)
  }

  private func cut(
    _ layer: RankedLayer, at index: Int, _ threads: Int, _ shouldStop: @Sendable () -> Bool
  ) throws -> Mask {
    var cut = known.withLock { $0[index] }
    let scores = try layer.ranking(shifted: isShifted, threads, shouldStop).scores
    guard let mask = cut.mask(of: scores, threads: threads, shouldStop: shouldStop) else {
      throw Cancelled()
    }
    known.withLock { if $0.count == index + 1 { $0.append(cut) } }
    return mask
  }
}
