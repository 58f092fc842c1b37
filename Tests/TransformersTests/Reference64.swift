import Foundation
import Tensors

/// A GPT's forward pass in f64, written for clarity: an independent opinion.
struct Reference64 {
  let parameters: Parameters
  let blocks: Int
  let heads: Int

  init(_ parameters: Parameters, blocks: Int, heads: Int) {
    self.parameters = parameters
    self.blocks = blocks
    self.heads = heads
  }

  static func crossEntropy(_ logits: [Float], target: Int) -> Double {
    log(logits.reduce(0) { $0 + exp(Double($1)) }) - Double(logits[target])
  }

  func logits(_ tokens: [Int]) throws -> [[Double]] {
    let words = try rows("wte.weight")
    let positions = try rows("wpe.weight")
    var x = tokens.enumerated().map { zip(words[$1], positions[$0]).map(+) }
    for block in 0..<blocks {
      let attended = try attention("h.\(block).", try norm(x, "h.\(block).ln_1"))
      x = zip(x, attended).map { zip($0, $1).map(+) }
      let hidden = try linear(try norm(x, "h.\(block).ln_2"), "h.\(block).mlp.c_fc")
      let active = hidden.map { $0.map { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) } }
      x = zip(x, try linear(active, "h.\(block).mlp.c_proj")).map { zip($0, $1).map(+) }
    }
    return try norm(x, "ln_f").map { row in words.map { dot($0[...], row[...]) } }
  }

  private func attention(_ prefix: String, _ x: [[Double]]) throws -> [[Double]] {
    let qkv = try linear(x, prefix + "attn.c_attn")
    let width = x[0].count
    let head = width / heads
    let mixed = x.indices.map { query in
      (0..<heads).flatMap { index -> [Double] in
        let q = qkv[query][index * head..<(index + 1) * head]
        let weights = (0...query).map { key in
          exp(
            dot(q, qkv[key][width + index * head..<width + (index + 1) * head])
              / Double(head).squareRoot())
        }
        let total = weights.reduce(0, +)
        return (0..<head).map { column in
          zip(0...query, weights).reduce(0) {
            $0 + qkv[$1.0][2 * width + index * head + column] * $1.1 / total
          }
        }
      }
    }
    return try linear(mixed, prefix + "attn.c_proj")
  }

  private func linear(_ x: [[Double]], _ name: String) throws -> [[Double]] {
    let weight = try rows(name + ".weight")
    let bias = try vector(name + ".bias")
    return x.map { row in
      weight.enumerated().map { dot($1[...], row[...]) + (bias?[$0] ?? 0) }
    }
  }

  private func norm(_ x: [[Double]], _ name: String) throws -> [[Double]] {
    let weight = try vector(name + ".weight")
    let bias = try vector(name + ".bias")
    return x.map { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
      return row.enumerated().map {
        ($1 - mean) / (variance + 1e-5).squareRoot() * (weight?[$0] ?? 1) + (bias?[$0] ?? 0)
      }
    }
  }

  private func dot(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private func rows(_ name: String) throws -> [[Double]] {
    guard let tensor = try parameters[name]?.tensor() else { return [] }
    return (0..<tensor.shape.rows).map { row in
      (0..<tensor.shape.columns).map { Double(tensor[row, $0]) }
    }
  }

  private func vector(_ name: String) throws -> [Double]? {
    try parameters[name]?.tensor().array.map(Double.init)
  }
}
