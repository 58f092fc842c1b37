import Foundation
import TestSupport

/// A reference value from a JSON file in the shared data.
struct Expected {
  private let value: Any

  static func read(_ path: String) throws -> Expected {
    let data = try Data(contentsOf: URL(fileURLWithPath: SharedData.path(path)))
    return Expected(value: try JSONSerialization.jsonObject(with: data))
  }

  subscript(key: String) -> Expected {
    Expected(value: (value as? [String: Any])?[key] ?? NSNull())
  }

  var numbers: [Double] { (value as? [Any])?.compactMap { ($0 as? NSNumber)?.doubleValue } ?? [] }
  var integers: [Int] { numbers.map { Int($0) } }
  var number: Double { (value as? NSNumber)?.doubleValue ?? .nan }
}
