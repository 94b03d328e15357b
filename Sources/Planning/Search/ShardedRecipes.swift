import Modeling

/// A recipe under one sharding, over ever more GPUs.
struct ShardedRecipes: Sendable {
  /// By the number of GPUs, ascending.
  let recipes: [Recipe]

  /// GPUs of one machine, over which products are divided at most: every layer waits for the others' sums.
  static let mostInGroup = 8

  /// The shardings that divide something, those that send least first; what is on the host comes last.
  ///
  /// `DistributedDataParallel` divides nothing, so that nothing fits by it which does not fit alone.
  static func all(for recipe: Recipe) -> [ShardedRecipes] {
    guard recipe.stack.isTorch, recipe.parallelism == .single else { return [] }
    let divided: [(Sharding, ShardingSettings.Offload)] = [
      (.zero1, .none), (.zero2, .none), (.fsdp, .none), (.zero3, .none),
    ]
    let onHost: [(Sharding, ShardingSettings.Offload)] = [
      (.zero2, .optimizer), (.fsdp, .all), (.zero3, .all),
    ]
    return divided.map { sharded(recipe, $0, $1) } + tensorParallel(recipe) + onHost.map { sharded(recipe, $0, $1) }
  }

  private static func sharded(
    _ recipe: Recipe, _ sharding: Sharding, _ offload: ShardingSettings.Offload
  ) -> ShardedRecipes {
    var settings = recipe.parallelism.settings
    settings.offload = offload
    return ShardedRecipes(
      recipes: DeviceSearch.counts.compactMap { count in
        // One GPU shares with nobody, but DeepSpeed can leave part of it to the host.
        guard count > 1 || (sharding.isDeepSpeed && offload != .none),
          let parallelism = try? Parallelism(devices: count, sharding: sharding, settings: settings)
        else { return nil }
        return recipe.changed(RecipeChange(parallelism: parallelism))
      })
  }

  /// Products divided over all GPUs; by Megatron also with tokens divided between them, in groups of up to a machine that
  /// divide main parameters and moments among them.
  private static func tensorParallel(_ recipe: Recipe) -> [ShardedRecipes] {
    let isMegatron = recipe.choices.modelCode == .megatron
    return (isMegatron ? [false, true] : [false]).map { dividesTokens in
      ShardedRecipes(
        recipes: DeviceSearch.counts.compactMap { count in
          guard count > 1, dividesTokens || count <= mostInGroup else { return nil }
          var settings = recipe.parallelism.settings
          settings.tensorParallelSize = min(count, mostInGroup)
          settings.usesSequenceParallel = dividesTokens
          let sharding: Sharding = count > mostInGroup ? .zero1 : .none
          guard let parallelism = try? Parallelism(devices: count, sharding: sharding, settings: settings) else {
            return nil
          }
          return recipe.changed(RecipeChange(parallelism: parallelism))
        })
    }
  }
}
