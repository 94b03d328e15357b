import Modeling

/// A recipe under one sharding, over ever more GPUs.
struct ShardedRecipes: Sendable {
  /// By the number of GPUs, ascending.
  let recipes: [Recipe]

  /// The shardings that divide something, those that send least first; what is on the host comes after.
  ///
  /// `DistributedDataParallel` divides nothing, so that nothing fits by it which does not fit alone.
  static func all(for recipe: Recipe) -> [ShardedRecipes] {
    guard recipe.stack.isTorch, recipe.parallelism == .single else { return [] }
    let ways: [(Sharding, ShardingSettings.Offload)] = [
      (.zero1, .none), (.zero2, .none), (.fsdp, .none), (.zero3, .none), (.zero2, .optimizer), (.fsdp, .all),
      (.zero3, .all),
    ]
    return ways.map { sharding, offload in
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
  }
}
