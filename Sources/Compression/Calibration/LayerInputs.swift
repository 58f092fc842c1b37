internal import Backend
internal import Jobs
internal import Tensors

/// What went into layers that read the same, and what follows from it; each made once.
final class LayerInputs {
  let products: InputProducts
  let crew: Crew
  let hands: [Hand]
  private var factors: [WalkFactor.Order: WalkFactor] = [:]

  private let damping: Double

  /// `damping` is λ as a share of the mean of H's diagonal.
  init(_ products: InputProducts, damping: Double, crew: Crew, hands: [Hand]) {
    (self.products, self.damping) = (products, damping)
    (self.crew, self.hands) = (crew, hands)
  }

  /// L of H + λI. Throws `Cancelled`.
  func factor(
    _ order: WalkFactor.Order, shouldStop: @Sendable () -> Bool
  ) throws -> WalkFactor {
    if let known = factors[order] { return known }
    guard
      let factor = WalkFactor(
        products, order: order, damping: damping, crew: crew, shouldStop: shouldStop)
    else { throw Cancelled() }
    factors[order] = factor
    return factor
  }

  func walk(
    _ order: WalkFactor.Order, shouldStop: @Sendable () -> Bool
  ) throws -> ColumnWalk {
    ColumnWalk(try factor(order, shouldStop: shouldStop), crew: crew, hands: hands)
  }
}
