internal import Backend
internal import Jobs
internal import Tensors

/// What went into layers that read the same, and what follows from it; each made once.
final class LayerInputs {
  let products: InputProducts
  let crew: Crew
  let hands: [Hand]
  private var factors: [WalkFactor.Order: WalkFactor] = [:]
  private var knownSearch: SupportSearch?

  private let calibration: Calibration

  init(_ products: InputProducts, _ calibration: Calibration, crew: Crew, hands: [Hand]) {
    (self.products, self.calibration) = (products, calibration)
    (self.crew, self.hands) = (crew, hands)
  }

  /// L of H + λI. Throws `Cancelled`.
  func factor(
    _ order: WalkFactor.Order, shouldStop: @Sendable () -> Bool
  ) throws -> WalkFactor {
    if let known = factors[order] { return known }
    guard
      let factor = WalkFactor(
        products, order: order, damping: calibration.damping, crew: crew, shouldStop: shouldStop)
    else { throw Cancelled() }
    factors[order] = factor
    return factor
  }

  func walk(
    _ order: WalkFactor.Order, shouldStop: @Sendable () -> Bool
  ) throws -> ColumnWalk {
    ColumnWalk(try factor(order, shouldStop: shouldStop), crew: crew, hands: hands)
  }

  var search: SupportSearch {
    if let knownSearch { return knownSearch }
    let search = SupportSearch(
      products, damping: calibration.damping, crew: crew, hands: hands)
    knownSearch = search
    return search
  }

  /// Weights that make up for what has become of the inputs, where that was summed. Throws
  /// `Cancelled`.
  func corrected(
    _ weights: Tensor, _ order: WalkFactor.Order, shouldStop: @Sendable () -> Bool
  ) throws -> Tensor {
    guard calibration.drift > 0, products.kind == .drift else { return weights }
    let factor = try factor(order, shouldStop: shouldStop)
    let corrected = factor.corrected(
      weights, for: products, share: Float(calibration.drift), crew: crew, hands: hands,
      shouldStop: shouldStop)
    guard let corrected else { throw Cancelled() }
    return corrected
  }

  /// The squared error of what a layer gives with other weights. Throws `Cancelled`.
  func loss(
    from weights: Tensor, to others: Tensor, shouldStop: @Sendable () -> Bool
  ) throws -> Double {
    let loss = try factor(.largestFirst, shouldStop: shouldStop).loss(
      from: weights, to: others, crew: crew, hands: hands, shouldStop: shouldStop)
    guard let loss else { throw Cancelled() }
    return loss
  }
}
