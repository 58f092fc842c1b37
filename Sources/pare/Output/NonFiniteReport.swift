internal import CheckpointIO
internal import Compression
internal import Jobs
internal import Tensors
internal import Workspace

/// Tensors in which NaN or infinity appeared, vanished or stayed.
struct NonFiniteReport {
  private let rows: [(name: String, change: NonFiniteChange)]

  init(_ rows: [(name: String, change: NonFiniteChange)]) {
    self.rows = rows.filter { !$0.change.isEmpty }
  }

  init(_ comparison: Compression.Comparison) {
    self.init(comparison.nonFinite.map { ($0.name, $0.difference.nonFinite) })
  }

  /// How many tensors are named in the text.
  private static let shownLimit = 20

  private var total: NonFiniteChange { rows.reduce(NonFiniteChange()) { $0 + $1.change } }

  /// A line for all and one for each tensor; empty where all weights are finite.
  var text: String {
    guard !rows.isEmpty else { return "" }
    let tensors = rows.count == 1 ? "1 tensor" : "\(rows.count) tensors"
    var lines = ["weights that are not finite: \(total), in \(tensors)"]
    lines += rows.prefix(Self.shownLimit).map { "  \(sentence($0.name)): \($0.change)" }
    if rows.count > Self.shownLimit {
      lines.append("  and \(rows.count - Self.shownLimit) more; --json lists all")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  var json: JSON {
    .object(
      total.fields.merging([
        "tensors": .array(
          rows.map { row in
            .object(row.change.fields.merging(["name": .string(row.name)]) { own, _ in own })
          })
      ]) { own, _ in own })
  }
}

extension NonFiniteChange {
  var fields: [String: JSON] {
    [
      "infinite_appeared": .integer(infinite.appeared),
      "infinite_stayed": .integer(infinite.stayed),
      "infinite_vanished": .integer(infinite.vanished),
      "nan_appeared": .integer(nan.appeared), "nan_stayed": .integer(nan.stayed),
      "nan_vanished": .integer(nan.vanished),
    ]
  }
}

extension Checkpoint {
  /// Reads all weights and says so where some are not finite, before anything is written.
  func tellNonFinite(threads: Int) throws {
    let found = try Work.run("check", threads: threads) { job in
      try NonFiniteWeights(in: self, job: job)
    }
    tell(found)
  }

  /// The same of what was found.
  func tell(_ found: NonFiniteWeights?) {
    guard let found else { return }
    StandardError.write("pare: \(sentence("\(name) holds \(found)"))\n")
  }
}
