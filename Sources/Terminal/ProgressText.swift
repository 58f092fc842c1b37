/// How far a job is, as a line of text.
public enum ProgressText {
  private static let barWidth = 24
  /// Narrower lines have no bar.
  private static let columnsForBar = 60

  /// One line of at most `columns` columns: title, bar, percentage, the time left if it is
  /// known, and what is worked on. Each text is to be on one line.
  public static func line(
    _ title: String, fraction: Double, left: String?, detail: String, columns: Int
  ) -> String {
    let fraction = fraction > 0 ? min(fraction, 1) : 0
    let full = Int(fraction * Double(barWidth))
    let bar = String(repeating: "#", count: full) + String(repeating: "-", count: barWidth - full)
    let parts = [
      title, columns < columnsForBar ? nil : "[\(bar)]", "\(Int(fraction * 100)) %",
      left.map { " \($0) left" }, detail.isEmpty ? nil : " \(detail)",
    ]
    return parts.compactMap(\.self).joined(separator: " ").truncated(to: columns)
  }
}
