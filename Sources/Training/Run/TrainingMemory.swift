internal import Glibc

/// What memory training takes, about, so that a machine that has it not says so
/// before it is asked for.
public enum TrainingMemory {
  /// Tokens that a thread works on at once, where windows are shorter.
  private static let rows = 512

  /// Bytes for a network of `weights` values: these, their gradient for each thread,
  /// the optimizer's two, and what the forward pass leaves for the backward pass.
  public static func byteCount(
    _ shape: NetworkShape, weights: Int, _ settings: TrainingSettings
  ) -> Double {
    let threads = Double(settings.threads)
    let rows = Double(max(rows, settings.context))
    let perToken = Double(shape.width * 40 + shape.heads * settings.context * 4)
    return Double(weights) * 4 * (5 + threads) + threads * Double(shape.blocks) * rows * perToken
      + Double(settings.batch * settings.context * 16)
  }

  /// Throws `TrainingError.badSetting` when the machine has less.
  public static func check(
    _ shape: NetworkShape, weights: Int, _ settings: TrainingSettings
  ) throws {
    let needed = byteCount(shape, weights: weights, settings)
    let available = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
    guard needed > available else { return }
    throw TrainingError.badSetting(
      "Training this takes about \(Int(needed / 1e9) + 1) GB of memory; the machine has "
        + "\(Int(available / 1e9)) GB.")
  }
}
