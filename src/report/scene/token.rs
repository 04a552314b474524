//! Colors by meaning. Charts never write a hex value.

use plotters::style::RGBColor;

macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident $class:literal $light:literal $dark:literal)*) => {
        /// What a color means; light and dark values are one pair.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Token { $($(#[$doc])* $name),* }

        impl Token {
            /// Every token, in order of its number.
            pub const ALL: &'static [Token] = &[$(Token::$name),*];

            /// Name of its class in SVG.
            pub fn class(self) -> &'static str {
                match self { $(Token::$name => $class),* }
            }

            /// Red, green and blue on a light page.
            pub fn light(self) -> u32 {
                match self { $(Token::$name => $light),* }
            }

            /// Red, green and blue on a dark page.
            pub fn dark(self) -> u32 {
                match self { $(Token::$name => $dark),* }
            }
        }
    };
}

tokens! {
    /// Paper.
    Bg "bg" 0xffffff 0x11161c
    /// Text.
    Ink "ink" 0x1b2530 0xe8edf2
    /// Secondary text.
    Muted "muted" 0x5b6876 0x9aa8b5
    /// Gridlines.
    Grid "grid" 0xe7ebef 0x232c35
    /// Axis lines.
    Axis "axis" 0xb4bec8 0x46525e
    /// Shaded regions and the background of thread lanes.
    Band "band" 0xf4f6f8 0x171e26
    /// Light text on saturated fills.
    OnWork "onwork" 0xffffff 0x11161c
    /// Dark text on fills that are bright on a dark page too.
    OnPale "onpale" 0x1b2530 0x11161c
    /// Runs and holds the GIL, or runs where there is none.
    Run "run" 0x00795c 0x17a07a
    /// Runs with the GIL released.
    Native "native" 0x4aa8de 0x85c9f5
    /// A context switch is under way.
    Switching "switching" 0x7f8b97 0x8794a1
    /// Ready, waits for a core (a coroutine: for its loop).
    Ready "ready" 0xf2c744 0xf0cf5a
    /// Waits for the GIL.
    WaitGil "waitgil" 0xd4540a 0xe0601c
    /// Waits for a lock.
    WaitLock "waitlock" 0xa04e8a 0xb05fa0
    /// Waits for an event, a notification, an item of a queue, or others at a barrier.
    WaitSignal "waitsignal" 0xc9b2dc 0x54426a
    /// Blocked on IO.
    Io "io" 0xc3ced9 0x3d4a57
    /// Sleeps.
    Sleep "sleep" 0xdccfae 0x5a5238
    /// Waits for the end of what it started.
    Join "join" 0xb3cdbf 0x3b5648
    /// Idle core, worker without a job, event loop in its selector.
    Idle "idle" 0xeaeef2 0x1d252e
    /// First series.
    S1 "s1" 0x0072b2 0x3a86d8
    /// Second series.
    S2 "s2" 0xd55e00 0xe8691c
    /// Third series.
    S3 "s3" 0x009e73 0x63dfb4
    /// Fourth series.
    S4 "s4" 0xcc79a7 0xdd9fcf
    /// Fifth series.
    S5 "s5" 0x1b2530 0xf4f6f8
    /// Text in the color of the first series.
    S1t "s1t" 0x005f99 0x3a86d8
    /// Text in the color of the second series.
    S2t "s2t" 0xa84a00 0xe8691c
    /// Text in the color of the third series.
    S3t "s3t" 0x007355 0x63dfb4
    /// Text in the color of the fourth series.
    S4t "s4t" 0x9c4a80 0xdd9fcf
}

impl Token {
    /// The color under which it travels through plotters: its number in the red channel.
    pub fn color(self) -> RGBColor {
        RGBColor(self as u8, 0, 0)
    }

    /// The token that travelled as this color.
    pub fn from_red(red: u8) -> Token {
        Token::ALL.get(usize::from(red)).copied().unwrap_or(Token::Ink)
    }

    /// Mark and text color of the n-th model of a report; from the sixth on grey, because five hues can be told apart.
    pub fn series(index: usize) -> (Token, Token) {
        match index {
            0 => (Token::S1, Token::S1t),
            1 => (Token::S2, Token::S2t),
            2 => (Token::S3, Token::S3t),
            3 => (Token::S4, Token::S4t),
            4 => (Token::S5, Token::S5),
            _ => (Token::Switching, Token::Muted),
        }
    }
}
