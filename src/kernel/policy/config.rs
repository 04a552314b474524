//! All policies as one type, made of the rows of `policies!`: what a scenario names, and the run queue that comes of it.

use serde::de::{Deserializer, Error, VariantAccess, Visitor};

/// Reads the values of a variant into settings of any shape, as serde reads the variants of an enum.
pub struct Values<A>(pub A);

impl<'de, A: VariantAccess<'de>> Deserializer<'de> for Values<A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, A::Error> {
        Err(Error::custom("the settings of a policy are a struct"))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, A::Error> {
        self.0.unit_variant()?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(1, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.tuple_variant(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.0.struct_variant(fields, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        seq tuple map enum identifier ignored_any
    }
}

/// `PolicyConfig` from `Queue: Settings, Settings;`: one variant for each kind of settings.
macro_rules! register {
    ($($state:ident: $($name:ident),+;)*) => {
        /// A scheduling policy, as a scenario names it: `RoundRobin("4ms")`. One variant for each type of settings.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each is the type of the same name")]
        pub enum PolicyConfig {
            $($($name($name),)+)*
        }

        /// What there is, in the order of the rows.
        pub const POLICIES: &[About] = &[$($($name::ABOUT,)+)*];

        /// What each looks at of what tasks say, in the same order.
        pub const ASKS: &[&[Ask]] = &[$($($name::ASKS,)+)*];

        const NAMES: &[&str] = &[$($(stringify!($name),)+)*];

        impl PolicyConfig {
            /// See [`Settings::conventions`].
            pub fn conventions(&self) -> Vec<PolicyConfig> {
                match self {
                    $($(PolicyConfig::$name(of) => of.conventions().into_iter().map(PolicyConfig::$name).collect(),)+)*
                }
            }

            /// An empty run queue under this policy.
            pub fn build(&self, site: &Site) -> AnyPolicy {
                match self { $($(PolicyConfig::$name(of) => AnyPolicy::$state(of.build(site)),)+)* }
            }

            /// See [`Settings::PER_CORE`].
            pub fn per_core(&self) -> bool {
                match self { $($(PolicyConfig::$name(_) => $name::PER_CORE,)+)* }
            }

            /// See [`Settings::ASKS`].
            pub fn asks(&self) -> &'static [Ask] {
                match self { $($(PolicyConfig::$name(_) => $name::ASKS,)+)* }
            }

            /// See [`Settings::check`].
            pub fn check(&self, bounds: &mut Bounds) {
                match self { $($(PolicyConfig::$name(of) => of.check(bounds),)+)* }
            }

            /// See [`Settings::timer`].
            pub fn timer(&self) -> Timer {
                match self { $($(PolicyConfig::$name(of) => of.timer(),)+)* }
            }

            /// See [`Settings::promises`].
            pub fn promises(&self) -> Promises {
                match self { $($(PolicyConfig::$name(of) => of.promises(),)+)* }
            }
        }

        impl fmt::Display for PolicyConfig {
            /// As a scenario writes it.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self { $($(PolicyConfig::$name(of) => of.fmt(f),)+)* }
            }
        }

        $($(impl From<$name> for PolicyConfig {
            fn from(of: $name) -> PolicyConfig {
                PolicyConfig::$name(of)
            }
        })+)*

        #[derive(Deserialize)]
        #[serde(variant_identifier)]
        enum Name {
            $($($name,)+)*
        }

        impl<'de> Deserialize<'de> for PolicyConfig {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PolicyConfig, D::Error> {
                struct Reader;
                impl<'de> Visitor<'de> for Reader {
                    type Value = PolicyConfig;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a scheduler")
                    }

                    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<PolicyConfig, A::Error> {
                        let (name, values) = data.variant()?;
                        let values = Values(values);
                        Ok(match name {
                            $($(Name::$name => PolicyConfig::$name($name::deserialize(values)?),)+)*
                        })
                    }
                }
                deserializer.deserialize_enum("PolicyConfig", NAMES, Reader)
            }
        }
    };
}

pub(super) use register;
