internal import Models
internal import Tensors

/// Counts the tokens that the experts of each block take.
final class RoutedTokens: PassObserver {
  /// By block.
  private(set) var experts: [Int: [RouterLoad.Expert]] = [:]

  func add(_ experts: @autoclosure () -> [RouterLoad.Expert], of block: Int) {
    add([block: experts()])
  }

  /// Adds those of another part of a text.
  func add(_ others: [Int: [RouterLoad.Expert]]) {
    experts.merge(others) { known, other in
      zip(known, other).map {
        RouterLoad.Expert(tokens: $0.tokens + $1.tokens, weight: $0.weight + $1.weight)
      }
    }
  }
}

extension ModelWeights {
  /// What the routers did with a text, from what they did with its parts, in their order.
  func routerLoads(_ parts: [[Int: [RouterLoad.Expert]]]) -> [RouterLoad] {
    let routed = RoutedTokens()
    for part in parts { routed.add(part) }
    return routed.experts.keys.sorted().compactMap { block in
      guard let router = model[TensorID(.router, block: block)]?.parameter.name,
        let experts = routed.experts[block], let active = model.config.experts(of: block)?.active
      else { return nil }
      return RouterLoad(block: block, router: router, active: active, experts: experts)
    }
  }
}
