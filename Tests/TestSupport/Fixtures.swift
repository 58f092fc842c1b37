/// The checkpoints that the project keeps in `Checkpoints/`.
public enum Fixtures {
  public static func path(_ name: String) -> String {
    SharedData.packageRoot + "/Checkpoints/" + name
  }
}
