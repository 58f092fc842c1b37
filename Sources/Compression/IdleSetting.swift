extension Dialed {
  /// Refuses a setting that changes nothing under the others.
  ///
  /// Throws `PassError`, which names what the setting needs: the choices of other dials
  /// that, each by itself, would make it matter.
  public func checkMatters(_ name: String) throws {
    guard settings.contains(where: { $0.name == name && !$0.isActive }) else { return }
    let partners = Self.dials.compactMap { dial -> String? in
      guard case .choice(let words) = dial.control else { return nil }
      let fitting = words.filter { word in
        let other = try? setting(dial.name, to: .choice(word))
        return other?.settings.contains { $0.name == name && $0.isActive } == true
      }
      return fitting.isEmpty ? nil : "\(dial.name) \(fitting.joined(separator: " or "))"
    }
    let reason =
      partners.isEmpty
      ? "with these settings it changes nothing"
      : "\(name) needs \(partners.joined(separator: ", or "))"
    throw PassError("\(Self.name) has no use for \(name) here: \(reason)")
  }
}
