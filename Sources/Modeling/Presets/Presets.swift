/// The models that are known by name.
public enum Presets {
  /// Every preset, families together and in the order of publication.
  public static let all: [Preset] = llama + llamaLike + mistral + qwen + gemma + phi + gpt2 + pythia

  /// The preset with this name, Hugging Face id, or last part of an id; upper and lower case are the same.
  public static func named(_ name: String) -> Preset? { index[name.lowercased()] }

  private static let index: [String: Preset] = {
    var index: [String: Preset] = [:]
    // Own names go first, so that no repository of another model can take one.
    for preset in all { index[preset.name] = preset }
    for preset in all {
      for id in [preset.huggingFaceID] + preset.aliases {
        let lowercased = id.lowercased()
        for key in [lowercased, lowercased.split(separator: "/").last.map(String.init) ?? lowercased]
        where index[key] == nil {
          index[key] = preset
        }
      }
    }
    return index
  }()
}
