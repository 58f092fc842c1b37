/// How far a job is, as a line of text.
public enum ProgressText {
  private static let barWidths = 6...24
  /// Narrower lines have no bar.
  private static let columnsForBar = 60
  /// Between two figures of a detail.
  package static let gap = "  "

  /// One line of at most `columns` columns: title, bar, percentage, the time left if it is
  /// known, and what is worked on. Each text is to be on one line. Where there is not room for
  /// all, the bar is shorter, and then the last figures of `detail`, which stand two spaces
  /// apart, are left out; only a detail of one part is cut.
  public static func line(
    _ title: String, fraction: Double, left: String?, detail: String, columns: Int
  ) -> String {
    let fraction = fraction > 0 ? min(fraction, 1) : 0
    var figures = detail.split(separator: gap).map(String.init)
    func line(_ barWidth: Int) -> String {
      let full = Int(fraction * Double(barWidth))
      let bar = String(repeating: "#", count: full) + String(repeating: "-", count: barWidth - full)
      let parts = [
        title, columns < columnsForBar ? nil : "[\(bar)]", "\(Int(fraction * 100)) %",
        left.map { " \($0) left" }, figures.isEmpty ? nil : " " + figures.joined(separator: gap),
      ]
      return parts.compactMap(\.self).joined(separator: " ")
    }
    while figures.count > 1, line(barWidths.lowerBound).columns > columns { figures.removeLast() }
    let excess = line(barWidths.upperBound).columns - columns
    let barWidth = max(barWidths.lowerBound, barWidths.upperBound - max(0, excess))
    return line(barWidth).truncated(to: columns)
  }
}
