import Foundation
import TestSupport
import Transformers

/// The Shakespeare text as tokens of the sorted set of its characters.
enum Text {
  static func characters() throws -> String {
    try String(contentsOfFile: SharedData.path("shakespeare-char/input.txt"), encoding: .utf8)
  }

  static func tokens() throws -> [Int] {
    let text = try characters()
    let vocabulary = Set(text.unicodeScalars).sorted().map { String($0) }
    return try CharacterTokenizer(vocabulary: vocabulary).encode(text)
  }

  /// The last tenth, which no training saw.
  static func validation() throws -> [Int] {
    let tokens = try tokens()
    return Array(tokens[(tokens.count * 9 / 10)...])
  }
}

/// Tests that take longer than all the others together.
enum Slow {
  static let isWanted = ProcessInfo.processInfo.environment["PARE_SLOW_TESTS"] != nil
}
