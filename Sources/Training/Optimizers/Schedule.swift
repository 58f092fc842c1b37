internal import Glibc

/// How the learning rate changes over a training run, as a share of the highest.
public enum Schedule: Sendable, Hashable, Codable {
  /// Up for `warmup` steps, then down along half a cosine to `floor` at the end:
  /// nanoGPT's formula.
  case cosine(warmup: Int, floor: Double)
  /// Up for `warmup` steps, then constant until `share` of all steps are done, then
  /// down along a line to 0.
  case constantThenLinear(warmup: Int, share: Double)
  /// Up for `warmup` steps, then constant.
  case constant(warmup: Int)

  /// Steps during which the rate rises.
  public var warmup: Int {
    get {
      switch self {
      case .cosine(let warmup, _), .constantThenLinear(let warmup, _), .constant(let warmup):
        warmup
      }
    }
    set {
      switch self {
      case .cosine(_, let floor): self = .cosine(warmup: newValue, floor: floor)
      case .constantThenLinear(_, let share):
        self = .constantThenLinear(warmup: newValue, share: share)
      case .constant: self = .constant(warmup: newValue)
      }
    }
  }

  /// The factor of the learning rate at a step, counted from 0, of `total`.
  public func factor(at step: Int, of total: Int) -> Double {
    if step < warmup { return Double(step + 1) / Double(warmup + 1) }
    switch self {
    case .constant: return 1
    case .cosine(_, let floor):
      guard step < total else { return floor }
      let done = Double(step - warmup) / Double(max(total - warmup, 1))
      return floor + 0.5 * (1 + cos(.pi * done)) * (1 - floor)
    case .constantThenLinear(_, let share):
      let turn = share * Double(total)
      guard Double(step) > turn else { return 1 }
      return max(Double(total - step) / max(Double(total) - turn, 1), 0)
    }
  }
}
